import { BackyError } from '../../errors.ts';
import { LAYOUTS, type Layout } from '../../model/layout.ts';
import type { Command } from '../command.ts';
import { parseLayout } from '../options/layout-option.ts';
import { text } from '../options/option-values.ts';

export const initdbCommand: Command = {
  name: 'initdb',
  description: 'Create the database.',
  args: [],
  options: [['--layout <layout>', 'classic, as the original, or compact: versions cost what changed [classic]', LAYOUTS]],
  examples: [
    ['backy2 initdb', 'Creates a database that the original can use too.'],
    ['backy2 initdb --layout compact', 'Creates one for many large images; the original refuses it.'],
  ],
  needsDatabase: false,
  prepare({ options }, config) {
    const layout = layoutFrom(text(options.layout), config.layout);
    return async ({ backy }) => {
      await backy.initdb(layout);
      return { result: { initialized: true, layout } };
    };
  },
};

/** The layout of the option, else that of the config file. All other commands want the latter. */
function layoutFrom(option: string | undefined, configured: Layout | undefined): Layout {
  if (option === undefined) return configured ?? 'classic';
  const layout = parseLayout(option, { command: 'initdb', option: '--layout' });
  if (configured === undefined || configured === layout) return layout;
  throw new BackyError('config', `--layout is ${layout}, but [MetaBackend] layout is ${configured}. Nothing was created.`, {
    hint: 'Change the config file, or leave the option out.',
  });
}
