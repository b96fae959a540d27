import type { Command } from '../command.ts';
import { isStdout } from '../options/is-stdout.ts';

export const exportCommand: Command = {
  name: 'export',
  description: 'Export the metadata of a version to a file.',
  args: [
    ['<version_uid>', 'version to export'],
    ['<filename>', 'file to write (- is stdout)'],
  ],
  options: [],
  prepare({ args: [uid = '', fileName = ''] }) {
    return async ({ backy }) => {
      if (isStdout(fileName)) return { text: backy.exportText(uid) };
      return { result: { fileName, ...(await backy.exportToFile(uid, fileName)) } };
    };
  },
};
