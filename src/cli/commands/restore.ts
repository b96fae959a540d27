import type { DeltaOptions } from '../../core/restore/request.ts';
import { BackyError, EXIT_CODES } from '../../errors.ts';
import type { Action, Command, Invocation } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { checkTarget } from '../options/check-url.ts';
import { FROM_STORE, refuseWithFromStore } from '../options/from-store.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';
import { READER_GONE } from '../output/outcome.ts';

const STDOUT = '-';
/** Options that need a target, with their names on the command line. */
const ONLY_TARGETS = [
  ['sparse', '-s'],
  ['force', '-f'],
  ['continueFrom', '-c'],
  ['delta', '--delta'],
  ['deltaFrom', '--delta-from'],
  ['dryRun', '--dry-run'],
  ['discard', '--discard'],
] as const;

export const restoreCommand: Command = {
  name: 'restore',
  description: 'Restore a version to a file, device, RBD image or pipe.',
  changesVersions: true,
  args: [
    ['<version_uid>', 'version to restore'],
    ['<target>', 'e.g. file:///dev/vg/lv or rbd://pool/image (- is stdout)'],
  ],
  options: [
    ['-s, --sparse', 'skip zero blocks; old target data remains'],
    ['-f, --force', 'overwrite an existing file, device or image'],
    ['-c, --continue-from <block_id>', 'resume at this block ("Last ID" in the log)'],
    ['--delta', 'read the target, write only blocks that differ'],
    ['--delta-from <snapshot>', 'the same; read only changes since then (RBD)'],
    ['--dry-run', 'with --delta: write nothing, only report'],
    ['--discard', 'free the space of an existing target first'],
    ['--continue-on-error', 'to stdout: write zeros for bad blocks, and go on'],
    FROM_STORE,
    ACCEPT_DAMAGE,
  ],
  examples: [
    ['backy2 restore UID file:///tmp/web.img', 'Creates a new file.'],
    ['backy2 restore -f UID file:///dev/vg0/web', 'Overwrites a device of at least that size.'],
    ['backy2 restore -f --delta UID file:///dev/vg0/web', 'Writes only the blocks that differ.'],
    ['backy2 restore UID rbd://vms/web-restored', 'Creates an RBD image, in which zero blocks take no space.'],
    ['backy2 restore UID - | zstd > web.img.zst', 'Writes the image to a pipe, in order.'],
    ['backy2 restore --from-store UID file:///tmp/web.img', 'Works without the database, if it is lost.'],
  ],
  fromStore: ({ args: [uid = ''], options }) => (flag(options.fromStore) ? { kind: 'uid', uid } : undefined),
  streamsBytes: ({ args: [, target] }) => target === STDOUT,
  checkUsage({ args: [, target], options }) {
    refuseWithFromStore('restore', { options }, [['deltaFrom', '--delta-from']]);
    if (target !== STDOUT) return;
    const unfit = ONLY_TARGETS.find(([name]) => options[name] !== undefined);
    if (unfit === undefined) return;
    throw new BackyError('usage', `restore: ${unfit[1]} cannot be combined with -: a stream is written once, from its start.`, {
      hint: `Leave ${unfit[1]} out, or name a target.`,
    });
  },
  async prepare({ args: [uid = '', target = ''], options }, { logfile }) {
    if (target === STDOUT) return prepareStream(uid, options, logfile);
    const from = text(options.continueFrom);
    const delta = deltaOf(options);
    const request = {
      uid,
      target,
      sparse: flag(options.sparse),
      force: flag(options.force),
      discard: flag(options.discard),
      delta,
      fromId: Math.max(0, from === undefined ? 0 : parseWhole(from, '-c')),
      acceptDamage: flag(options.acceptDamage),
    };
    if (request.discard && request.fromId > 0) {
      throw new BackyError('usage', 'restore: --discard would destroy what -c keeps.', { hint: 'Leave one of them out.' });
    }
    if (request.discard && delta !== undefined) {
      throw new BackyError('usage', 'restore: --discard would destroy what --delta compares.', {
        hint: 'Leave one of them out.',
      });
    }
    await checkTarget(target);
    if (delta?.from !== undefined && !target.startsWith('rbd://')) {
      throw new BackyError('usage', `restore: --delta-from needs an RBD image as target, not ${target}.`, {
        hint: 'Restore with --delta, which reads the whole target.',
      });
    }
    return async ({ backy, note, watch }) => {
      watch('restore', target);
      const onLastId = delta?.dryRun === true ? undefined : (id: number) => note({ uid, continueFrom: Math.max(0, id) });
      const result = await backy.restore({ ...request, onLastId });
      return { result: { ...result }, exitCode: result.complete && result.errors.length === 0 ? 0 : EXIT_CODES.blocksBad };
    };
  },
};

async function prepareStream(uid: string, options: Invocation['options'], logfile: string): Promise<Action> {
  await checkStdout(uid, logfile);
  const request = { uid, continueOnError: flag(options.continueOnError), acceptDamage: flag(options.acceptDamage) };
  return async ({ backy, watch }) => {
    watch('restore', 'stdout');
    const { ByteOut } = await import('../output/byte-out.ts');
    const { ending, blocksBad, complete } = await backy.streamVersion({ ...request, sink: new ByteOut() });
    if (ending === 'readerGone') return { exitCode: READER_GONE };
    return { exitCode: complete && blocksBad === 0 ? 0 : EXIT_CODES.blocksBad };
  };
}

/** An image must reach its reader alone: neither a terminal nor log lines belong there. */
async function checkStdout(uid: string, logfile: string): Promise<void> {
  const [{ isTerminal }, { isStdoutToo }] = await Promise.all([
    import('../output/terminal.ts'),
    import('../output/write-out.ts'),
  ]);
  const hint = `Send only stdout to a program or a file: backy2 restore ${uid} - | zstd > web.img.zst`;
  if (isTerminal(1)) throw new BackyError('usage', 'restore: stdout is a terminal, which cannot take an image.', { hint });
  if (isStdoutToo(2))
    throw new BackyError('usage', 'restore: stdout and stderr go to the same place: log lines would damage the image.', { hint });
  if (isStdoutToo(logfile))
    throw new BackyError('usage', `restore: the logfile ${logfile} is stdout: log lines would damage the image.`, {
      hint: 'Set another logfile in section DEFAULTS, for example /dev/stderr.',
    });
}

/** Undefined: the target is not compared. */
function deltaOf(options: Invocation['options']): DeltaOptions | undefined {
  const from = text(options.deltaFrom);
  const dryRun = flag(options.dryRun);
  if (flag(options.delta) || from !== undefined) return { from, dryRun };
  if (!dryRun) return undefined;
  throw new BackyError('usage', 'restore: --dry-run needs --delta.', {
    hint: 'Only a comparison can tell what would be written.',
  });
}
