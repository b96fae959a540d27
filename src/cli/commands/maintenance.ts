import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

export const initdbCommand: Command = {
  name: 'initdb',
  description: 'Create the database.',
  args: [],
  options: [],
  needsDatabase: false,
  async run({ backy }) {
    await backy.initdb();
    return { result: { initialized: true } };
  },
};

export const cleanupCommand: Command = {
  name: 'cleanup',
  description: 'Delete blobs that no version uses any more.',
  args: [],
  options: [
    ['-f, --full', 'look at every blob of the data backend; needs the whole installation'],
    ['-p, --prefix <prefix>', 'only blobs whose uid starts so'],
    [
      '--yes-delete <number>',
      'with --full: delete up to NUMBER blobs that were never marked for deletion, even if these are most of all',
    ],
    ['--dangerous-force', 'without --full: take blobs of versions that were removed within the last hour as well'],
  ],
  examples: [
    ['backy2 cleanup', 'Deletes what removed versions left, beside running backups.'],
    ['backy2 cleanup --full -p a', 'Looks at the blobs whose uid starts with a, while nothing else runs.'],
  ],
  async run({ options, backy }) {
    const prefix = text(options.prefix) ?? '';
    if (!/^[0-9A-Za-z]*$/.test(prefix))
      throw new BackyError('usage', `-p takes the first letters of a blob uid, not "${prefix}".`);
    const yesDelete = parseYesDelete(text(options.yesDelete), flag(options.full));
    const result = flag(options.full)
      ? await backy.cleanupFull({ prefix, yesDelete })
      : await backy.cleanupFast({ prefix, dangerousForce: flag(options.dangerousForce) });
    return { result: { ...result }, exitCode: result.errors.length > 0 ? new BackyError('failed', '').exitCode : 0 };
  },
};

function parseYesDelete(given: string | undefined, isFull: boolean): number | undefined {
  if (given === undefined) return undefined;
  if (!isFull) throw new BackyError('usage', '--yes-delete goes with --full only.');
  const number = parseWhole(given, '--yes-delete');
  if (number < 0) throw new BackyError('usage', `--yes-delete takes a number of blobs, not "${given}".`);
  return number;
}

export const exportCommand: Command = {
  name: 'export',
  description: 'Write the metadata of a version to a file.',
  args: [
    ['<version_uid>', 'the version'],
    ['<filename>', 'the file (- is stdout)'],
  ],
  options: [],
  async run({ args: [uid = '', fileName = ''], backy }) {
    if (fileName === '-') return { text: backy.exportText(uid) };
    return { result: { fileName, ...(await backy.exportToFile(uid, fileName)) } };
  },
};

export const importCommand: Command = {
  name: 'import',
  description: 'Read the metadata of a version from a file.',
  args: [['<filename>', 'the file (- is stdin)']],
  options: [],
  async run({ args: [fileName = ''], backy, stdin }) {
    return { result: { fileName, ...(await backy.import(fileName, stdin)) } };
  },
};
