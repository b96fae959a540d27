import { type Hint, parseHints } from '../../core/plan/hints.ts';
import { BackyError, messageOf } from '../../errors.ts';
import type { Action, Command, Invocation } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { checkSource } from '../options/check-url.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { parseDate } from '../options/parse-values.ts';
import type { ReadInput } from '../options/read-input.ts';
import { versionLine } from '../output/version-line.ts';
import { backupRow, checkAutoOptions, prepareAuto } from './backup-auto.ts';

export const backupCommand: Command = {
  name: 'backup',
  description: 'Back up a source.',
  changesVersions: true,
  args: [
    ['<source>', 'e.g. file:///dev/sda or rbd://pool/image@snap'],
    ['<name>', 'name of the backup [with --auto: of the image]'],
  ],
  options: [
    ['-s, --snapshot-name <snapshot>', 'record this snapshot name in the version'],
    ['-r, --rbd <file>', 'read rbd diff --format=json hints (- is stdin)'],
    ['-f, --from-version <uid>', 'base version: reuse its blocks outside hints'],
    ['-c, --continue-version <uid>', 'resume the interrupted backup of this version'],
    ['-t, --tag <tags>', 'set tags, comma separated [automatic tags]'],
    ['-e, --expire <date>', 'set the expire date: YYYY-MM-DD or "YYYY-MM-DD HH:MM:SS" (UTC)'],
    ['--diff-from <snapshot>', 'RBD: back up changes since this snapshot [base: its newest valid version]'],
    ['--auto', 'RBD: create a snapshot, back up changes since the last one, remove older ones'],
    ['--keep-snapshots <count>', 'keep the newest COUNT snapshots made by --auto [1]'],
    ['--dry-run', 'with --auto: only print what would be done'],
    ACCEPT_DAMAGE,
  ],
  optionalWith: { option: 'auto', argument: 1 },
  examples: [
    ['backy2 backup -s monday file:///dev/vg0/web-snap web', 'Reads the whole snapshot; its name is kept with the version.'],
    [
      'backy2 backup -r diff.json -f UID file:///dev/rbd0 web',
      'Reads the changes in diff.json; the rest comes from version UID.',
    ],
    ['backy2 backup --auto rbd://vms/web web', 'Creates a snapshot, and backs up the changes since the last one.'],
    ['backy2 backup -c UID file:///dev/vg0/web-snap web', 'Resumes the backup of version UID where it stopped.'],
  ],
  async prepare({ args: [source = '', name], options }, _config, read) {
    checkAutoOptions(options);
    const common = { source, ...(await readCommon(options)) };
    if (flag(options.auto)) return prepareAuto({ ...common, name }, options);
    await checkSource(source);
    return prepareBackup({ ...common, name: name ?? '' }, options, read);
  },
};

async function readCommon(options: Invocation['options']) {
  const expire = filledText(options.expire);
  const tags = filledText(options.tag);
  return {
    expire: expire === undefined ? undefined : parseDate(expire),
    tags: tags === undefined ? undefined : (await import('../options/parse-tags.ts')).parseTags(tags),
    acceptDamage: flag(options.acceptDamage),
  };
}

type CommonRequest = Awaited<ReturnType<typeof readCommon>> & { source: string; name: string };

async function prepareBackup(common: CommonRequest, options: Invocation['options'], read: ReadInput): Promise<Action> {
  const diffFrom = text(options.diffFrom);
  if (diffFrom !== undefined) (await import('../../core/backup/diff-source.ts')).snapshotOf(common.source);
  const hintsFile = filledText(options.rbd);
  const request = {
    ...common,
    diffFrom,
    snapshotName: text(options.snapshotName),
    hints: hintsFile === undefined ? undefined : await readHints(hintsFile, read),
    baseUid: text(options.fromVersion),
    continueUid: text(options.continueVersion),
  };
  return async ({ backy, note, sayMachine, watch }) => {
    watch('backup', request.source);
    const onVersion = (uid: string) => {
      note({ uid });
      sayMachine(uid);
    };
    const result = await backy.backup({ ...request, onVersion }).catch((error: unknown) => {
      // The new version was removed again.
      if (error instanceof BackyError && error.code === 'hintsMismatch' && request.continueUid === undefined)
        note({ uid: undefined });
      throw error;
    });
    return { message: versionLine(result), machineLines: [result.uid], result: backupRow(result) };
  };
}

async function readHints(file: string, read: ReadInput): Promise<Hint[]> {
  let content: string;
  try {
    content = (await read(file)).toString();
  } catch (error) {
    if (error instanceof BackyError) throw error;
    throw new BackyError('hints', `Cannot read the hints file ${file}: ${messageOf(error)}`, {
      hint: 'Check the path given with -r.',
      cause: error,
    });
  }
  return parseHints(content, file === '-' ? 'The hints on stdin' : `The hints file ${file}`);
}
