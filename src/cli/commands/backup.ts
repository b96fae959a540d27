import { readFileSync } from 'node:fs';
import { type Hint, parseHints } from '../../core/plan/hints.ts';
import { BackyError, messageOf } from '../../errors.ts';
import type { Command } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { flag, text } from '../options/option-values.ts';
import { parseDate } from '../options/parse-values.ts';
import { backupRow, checkAutoOptions, runAuto, versionLine } from './backup-auto.ts';

export const backupCommand: Command = {
  name: 'backup',
  description: 'Back up a source.',
  args: [
    ['<source>', 'what to back up, e.g. file:///dev/sda or rbd://pool/image@snapshot'],
    ['<name>', 'name of the backup, e.g. of the virtual machine; with --auto it may be left out: that of the image'],
  ],
  options: [
    ['-s, --snapshot-name <snapshot>', "name of the source's snapshot, kept with the version"],
    ['-r, --rbd <file>', 'hints: what rbd diff --format=json says of changes (- is stdin)'],
    ['-f, --from-version <uid>', 'base: take blocks outside of the hints over from this version'],
    ['-c, --continue-version <uid>', 'go on with this version, whose backup did not end'],
    ['-t, --tag <tags>', 'tags for the version, comma separated, instead of the automatic ones'],
    ['-e, --expire <date>', 'when the version may go: YYYY-MM-DD or "YYYY-MM-DD HH:MM:SS" (UTC)'],
    [
      '--diff-from <snapshot>',
      'RBD: read what has changed since this snapshot, which the base (-f, or the newest valid version of it) was made of',
    ],
    ['--auto', 'RBD: make a snapshot of the image, back up what has changed since the last one, remove the older ones'],
    ['--keep-snapshots <count>', 'with --auto: so many of its own snapshots stay (default: 1)'],
    ['--dry-run', 'with --auto: say what would be done, and do nothing'],
    ACCEPT_DAMAGE,
  ],
  optionalWith: { option: 'auto', argument: 1 },
  examples: [
    ['backy2 backup -s monday file:///dev/vg0/web-snap web', 'Reads the whole snapshot, and keeps its name with the version.'],
    [
      'backy2 backup -r diff.json -f UID file:///dev/rbd0 web',
      'Reads what rbd diff says has changed, and takes the rest from version UID.',
    ],
    ['backy2 backup --auto rbd://vms/web web', 'Makes a snapshot, and backs up what has changed since the last one.'],
    ['backy2 backup -c UID file:///dev/vg0/web-snap web', 'Goes on where the backup of version UID stopped.'],
  ],
  async run(invocation) {
    const { options, backy, note, sayMachine, watch } = invocation;
    const [source = '', name = ''] = invocation.args;
    checkAutoOptions(options);
    const expire = text(options.expire);
    const tags = text(options.tag);
    const hints = text(options.rbd);
    const when = {
      expire: expire === undefined || expire === '' ? undefined : parseDate(expire),
      tags: tags === undefined || tags === '' ? undefined : (await import('../options/parse-tags.ts')).parseTags(tags),
    };
    if (flag(options.auto)) return runAuto(invocation, when);
    const request = {
      ...when,
      source,
      name,
      snapshotName: text(options.snapshotName),
      diffFrom: text(options.diffFrom),
      acceptDamage: flag(options.acceptDamage),
      hints: hints === undefined || hints === '' ? undefined : readHints(hints),
      baseUid: text(options.fromVersion),
      continueUid: text(options.continueVersion),
      onVersion: (uid: string) => {
        note({ uid });
        sayMachine(uid);
      },
    };
    watch('backup', source);
    const result = await backy.backup(request).catch((error: unknown) => {
      // Its version was removed again.
      if (error instanceof BackyError && error.code === 'hintsMismatch' && request.continueUid === undefined)
        note({ uid: undefined });
      throw error;
    });
    return {
      message: versionLine(result),
      machineLines: [result.uid],
      result: backupRow(result),
    };
  },
};

function readHints(file: string): Hint[] {
  let content: string;
  try {
    content = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new BackyError('hints', `Cannot read the hints file ${file}: ${messageOf(error)}`, {
      hint: 'Check the path given with -r.',
      cause: error,
    });
  }
  return parseHints(content, file === '-' ? 'The hints on stdin' : `The hints file ${file}`);
}
