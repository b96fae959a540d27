import type { Command } from '../command.ts';
import { flag } from '../options/option-values.ts';

export const backupDbCommand: Command = {
  name: 'backup-db',
  description: 'Copy the database to a file, beside running commands.',
  args: [['<filename>', 'the file']],
  options: [['-f, --force', 'replace an existing file']],
  examples: [['backy2 backup-db /mnt/other-disk/backy-db', 'Copies the SQLite file, or makes a dump with pg_dump.']],
  needsDatabase: false,
  async run({ args: [fileName = ''], options, backy }) {
    const result = await backy.backupDatabase({ fileName, force: flag(options.force) });
    return { result: { ...result }, message: `Copied the database to ${fileName} (${result.size} bytes).` };
  },
};
