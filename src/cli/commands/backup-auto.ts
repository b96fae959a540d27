import type { AutoRequest } from '../../core/auto/auto-backup.ts';
import type { AutoResult } from '../../core/auto/auto-image.ts';
import type { BackupResult } from '../../core/backup/request.ts';
import { BackyError } from '../../errors.ts';
import type { Invocation, Outcome } from '../command.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';
import { errorLine } from '../output/error-line.ts';

/** Options that `--auto` sees to itself. */
const NOT_WITH_AUTO = { snapshotName: '-s', rbd: '-r', fromVersion: '-f', continueVersion: '-c', diffFrom: '--diff-from' };

/** `backup --auto`: snapshots of its own making, a result an image, the exit code of the worst. */
export async function runAuto(
  { args: [source = '', name], options, backy, sayMachine, watch, fail }: Invocation,
  { tags, expire }: Pick<AutoRequest, 'tags' | 'expire'>,
): Promise<Outcome> {
  const results = await backy.autoBackup({
    ...{ source, name, tags, expire },
    keepSnapshots: keepSnapshots(text(options.keepSnapshots)),
    dryRun: flag(options.dryRun),
    acceptDamage: flag(options.acceptDamage),
    onVersion: sayMachine,
    onImage: (url) => watch('backup', url),
    onResult: ({ image, errors }) => {
      for (const error of errors) fail(`${image}: ${errorLine(error)}`);
    },
  });
  const uids = results.flatMap(({ backup }) => backup?.uid ?? []);
  return {
    message: summary(results),
    machineLines: uids,
    result: { results: results.map(toRow) },
    exitCode: Math.max(0, ...results.map(exitCodeOf)),
  };
}

/** Refuses words that do not go together. */
export function checkAutoOptions(options: Invocation['options']): void {
  const isAuto = flag(options.auto);
  for (const [key, name] of Object.entries(NOT_WITH_AUTO)) {
    if (isAuto && options[key] !== undefined) throw new BackyError('usage', `--auto and ${name} do not go together.`);
  }
  if (!isAuto && options.keepSnapshots !== undefined) throw new BackyError('usage', '--keep-snapshots goes with --auto alone.');
  if (!isAuto && options.dryRun !== undefined) throw new BackyError('usage', '--dry-run goes with --auto alone.');
  if (options.diffFrom !== undefined && options.rbd !== undefined)
    throw new BackyError('usage', '--diff-from and -r do not go together: both tell what has changed.');
}

function keepSnapshots(value: string | undefined): number {
  const count = value === undefined ? 1 : parseWhole(value, '--keep-snapshots');
  if (count >= 1) return count;
  throw new BackyError('usage', '--keep-snapshots must be 1 or more: the newest snapshot is what the next backup starts from.');
}

function exitCodeOf({ errors }: AutoResult): number {
  return Math.max(0, ...errors.map(({ exitCode }) => exitCode));
}

function summary(results: readonly AutoResult[]): string {
  const failed = results.filter(({ errors }) => errors.length > 0).length;
  const [first] = results;
  if (results.length === 1 && first?.backup) return versionLine(first.backup);
  const whole = results.length === 1 ? '1 image' : `${results.length} images`;
  return failed === 0 ? `${whole}, no errors.` : `${whole}, ${failed} of them with errors.`;
}

/** What a backup ends with. */
export function versionLine({ uid, tags }: Pick<BackupResult, 'uid' | 'tags'>): string {
  return `New version: ${uid} (Tags: [${tags.join(',')}])`;
}

function toRow({ backup, errors, ...result }: AutoResult): Record<string, unknown> {
  return {
    ...result,
    exitCode: exitCodeOf({ ...result, backup, errors }),
    backup: backup === null ? null : backupRow(backup),
    errors: errors.map(({ code, exitCode, message, hint }) => ({ code, exitCode, message, hint: hint ?? null })),
  };
}

/** A backup as `--json` has it. */
export function backupRow({ counters, rejected, ...result }: BackupResult): Record<string, unknown> {
  return { ...result, ...counters, errors: rejected };
}
