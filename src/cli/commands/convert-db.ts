import { BackyError } from '../../errors.ts';
import { LAYOUTS } from '../../model/layout.ts';
import type { Command } from '../command.ts';
import { parseLayout } from '../options/layout-option.ts';
import { flag, text } from '../options/option-values.ts';

export const convertDbCommand: Command = {
  name: 'convert-db',
  description: 'Convert the database to another layout.',
  args: [],
  options: [
    ['--to <layout>', 'classic or compact', LAYOUTS],
    ['-n, --dry-run', 'print time and space needed, and change nothing'],
  ],
  examples: [
    ['backy2 convert-db --to compact -n', 'Says how long it takes, and how much space.'],
    ['backy2 convert-db --to compact', 'Converts it; what was stopped continues.'],
  ],
  anyLayout: true,
  asItIs: ({ options }) => flag(options.dryRun),
  checkUsage({ options }) {
    if (text(options.to) === undefined) throw new BackyError('usage', `convert-db needs --to ${LAYOUTS.join(' or --to ')}.`);
  },
  prepare({ options }, config) {
    const to = parseLayout(text(options.to) ?? '', { command: 'convert-db', option: '--to' });
    const dryRun = flag(options.dryRun);
    return async ({ backy, warn }) => {
      const result = await backy.convertDatabase({ to, dryRun });
      if (!dryRun && config.layout !== undefined && config.layout !== to)
        warn(`Now set [MetaBackend] layout to ${to}, or leave it out: until then, the database is refused.`);
      return { result: { ...result } };
    };
  },
};
