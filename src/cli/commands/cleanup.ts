import { BackyError, EXIT_CODES } from '../../errors.ts';
import type { Command } from '../command.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

export const cleanupCommand: Command = {
  name: 'cleanup',
  description: 'Delete blobs that no version uses.',
  changesVersions: true,
  args: [],
  options: [
    ['-f, --full', 'scan the whole data backend; no other command may run'],
    ['-p, --prefix <prefix>', 'delete only blobs whose uid starts with this prefix'],
    ['--yes-delete <number>', 'with --full: allow deletion of NUMBER unexpected blobs'],
    ['--dangerous-force', 'without --full: also delete blobs that keep_removed keeps'],
  ],
  examples: [
    ['backy2 cleanup', 'Deletes blobs of removed versions; backups may run meanwhile.'],
    ['backy2 cleanup --full -p a', 'Scans blobs whose uid starts with a; nothing else may run.'],
  ],
  prepare({ options }) {
    const full = flag(options.full);
    const prefix = text(options.prefix) ?? '';
    if (!/^[0-9A-Za-z]*$/.test(prefix))
      throw new BackyError('usage', `-p takes the first letters of a blob uid, not "${prefix}".`);
    const yesDelete = parseYesDelete(text(options.yesDelete), full);
    const dangerousForce = flag(options.dangerousForce);
    return async ({ backy }) => {
      const result = full ? await backy.cleanupFull({ prefix, yesDelete }) : await backy.cleanupFast({ prefix, dangerousForce });
      return { result: { ...result }, exitCode: result.errors.length > 0 ? EXIT_CODES.failed : 0 };
    };
  },
};

function parseYesDelete(given: string | undefined, full: boolean): number | undefined {
  if (given === undefined) return undefined;
  if (!full) throw new BackyError('usage', '--yes-delete needs --full.');
  const number = parseWhole(given, '--yes-delete');
  if (number < 0) throw new BackyError('usage', `--yes-delete takes a number of blobs, not "${given}".`);
  return number;
}
