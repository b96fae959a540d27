import type { Command } from '../command.ts';
import { flag } from '../options/option-values.ts';

export const backupDbCommand: Command = {
  name: 'backup-db',
  description: 'Copy the database to a file, even while in use.',
  args: [['<filename>', 'file to write']],
  options: [['-f, --force', 'replace an existing file']],
  examples: [['backy2 backup-db /mnt/other-disk/backy-db', 'Copies the SQLite file, or runs pg_dump.']],
  needsDatabase: false,
  prepare({ args: [fileName = ''], options }) {
    const force = flag(options.force);
    return async ({ backy }) => {
      const result = await backy.backupDatabase({ fileName, force });
      return { result: { ...result }, message: `Copied the database to ${fileName} (${result.size} bytes).` };
    };
  },
};
