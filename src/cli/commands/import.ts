import type { Command } from '../command.ts';

export const importCommand: Command = {
  name: 'import',
  description: 'Import the metadata of a version from a file.',
  changesVersions: true,
  args: [['<filename>', 'file to read (- is stdin)']],
  options: [],
  prepare({ args: [fileName = ''] }) {
    return async (session) => ({ result: { fileName, ...(await session.backy.import(fileName, session.stdin)) } });
  },
};
