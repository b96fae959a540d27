import type { Command } from '../command.ts';

/** Opened as a file, a redirected stdout would lose what others write to it. */
const STDOUT = new Set(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);

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
      if (STDOUT.has(fileName)) return { text: backy.exportText(uid) };
      return { result: { fileName, ...(await backy.exportToFile(uid, fileName)) } };
    };
  },
};
