import { EXIT_CODES } from '../../errors.ts';
import { LAYOUTS } from '../../model/layout.ts';
import type { Command } from '../command.ts';
import { layoutFrom } from '../options/layout-option.ts';
import { flag, text } from '../options/option-values.ts';

export const rebuildDbCommand: Command = {
  name: 'rebuild-db',
  description: 'Make a lost database from the catalogue in the store.',
  args: [],
  options: [
    ['--layout <layout>', 'layout of the new database: classic or compact [classic]', LAYOUTS],
    ['-n, --dry-run', 'say what would be made, and change nothing'],
  ],
  examples: [
    ['backy2 rebuild-db -n', 'Lists how many versions and blocks would come back.'],
    ['backy2 rebuild-db', 'Makes the database; what was stopped continues.'],
  ],
  needsDatabase: false,
  prepare({ options }, config) {
    const layout = layoutFrom(text(options.layout), config.layout, 'rebuild-db');
    const dryRun = flag(options.dryRun);
    return async ({ backy }) => {
      const result = await backy.rebuildDatabase({ layout, dryRun });
      const isWhole = result.damaged.length === 0 && result.lost.length === 0;
      return { result: { ...result }, exitCode: isWhole ? 0 : EXIT_CODES.blocksBad };
    };
  },
};
