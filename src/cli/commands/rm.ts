import type { ExpiredResult } from '../../core/versions/remove-expired.ts';
import type { RemovalResult } from '../../core/versions/remove-version.ts';
import { BackyError } from '../../errors.ts';
import type { Action, Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { keptSummary } from './prune.ts';

export const rmCommand: Command = {
  name: 'rm',
  description: 'Remove versions; cleanup frees their space.',
  changesVersions: true,
  args: [['<version_uids...>', 'versions to remove; with --expired or --forget: a name']],
  options: [
    ['-f, --force', 'remove also versions younger than disallow_rm_when_younger_than_days'],
    ['--expired', 'remove expired versions, of one name or all; never the newest valid one of a name'],
    ['-n, --dry-run', 'with --expired: show what would be removed'],
    ['--forget', 'remove nothing: forget a name without versions, so that sla no longer lists it'],
  ],
  optionalWith: { option: 'expired', argument: 0 },
  examples: [
    ['backy2 rm --expired -n', 'Shows which versions have expired, and which of them stay.'],
    ['backy2 -m rm --expired', 'Removes expired versions; prints only errors, for cron.'],
  ],
  checkUsage({ args, options }) {
    const [expired, forget] = [flag(options.expired), flag(options.forget)];
    if (expired && args.length > 1) throw new BackyError('usage', '--expired takes at most one name.');
    if (forget && args.length > 1) throw new BackyError('usage', '--forget takes one name.');
    if (forget && (expired || flag(options.force))) throw new BackyError('usage', '--forget cannot be combined with others.');
    if (!expired && flag(options.dryRun)) throw new BackyError('usage', '--dry-run needs --expired.');
  },
  prepare({ args, options }) {
    const force = flag(options.force);
    const [first = ''] = args;
    if (flag(options.forget)) return forgotten(first);
    return flag(options.expired) ? expiredOnes(args[0], force, flag(options.dryRun)) : named(args, force);
  },
};

function named(uids: readonly string[], force: boolean): Action {
  return async ({ backy, note }) => {
    const removed: RemovalResult[] = [];
    note({ removed });
    for (const uid of uids) removed.push(await backy.remove(uid, force));
    return { result: { removed } };
  };
}

function forgotten(name: string): Action {
  return async ({ backy }) => {
    await backy.forgetName(name);
    return { result: { removed: [], forgotten: name }, message: `Forgot the name ${name}.` };
  };
}

function expiredOnes(name: string | undefined, force: boolean, dryRun: boolean): Action {
  return async ({ backy, note }) => {
    const removed: RemovalResult[] = [];
    note({ removed });
    const result = await backy.removeExpired({ name, force, dryRun, onRemoved: (one) => removed.push(one) });
    return {
      result: { ...result },
      message: summary(result),
      machineLines: dryRun ? removed.map(({ uid }) => uid) : [],
    };
  };
}

function summary({ dryRun, removed, kept }: ExpiredResult): string {
  const versions = removed.length === 1 ? '1 expired version' : `${removed.length} expired versions`;
  return `${dryRun ? 'Would remove' : 'Removed'} ${versions}.${keptSummary(kept)}`;
}
