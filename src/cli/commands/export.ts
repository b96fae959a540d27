import type { Command } from '../command.ts';

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
      if (fileName === '-') return { text: backy.exportText(uid) };
      return { result: { fileName, ...(await backy.exportToFile(uid, fileName)) } };
    };
  },
};
