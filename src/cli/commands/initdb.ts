import { LAYOUTS } from '../../model/layout.ts';
import type { Command } from '../command.ts';
import { layoutFrom } from '../options/layout-option.ts';
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
    const layout = layoutFrom(text(options.layout), config.layout, 'initdb');
    return async ({ backy }) => {
      await backy.initdb(layout);
      return { result: { initialized: true, layout } };
    };
  },
};
