import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { flag, text } from '../options/option-values.ts';
import { BLOCKS_BAD } from './restore.ts';

export const repairCommand: Command = {
  name: 'repair',
  description: 'Give the bad blocks of a version new blobs, from a source at hand.',
  args: [['<version_uid>', 'the version to mend']],
  options: [['-s, --source <source>', 'what the version was made of, or a copy, e.g. file:///dev/sda'], ACCEPT_DAMAGE],
  examples: [['backy2 repair UID -s file:///dev/vg0/web', 'Stores the bad blocks anew, as far as the source still has them.']],
  async run({ args: [uid = ''], options, backy, watch }) {
    const source = text(options.source);
    if (source === undefined)
      throw new BackyError('usage', 'repair needs a source: -s SOURCE.', {
        hint: 'Give what the version was made of, or a copy of it.',
      });
    const result = await backy.repair({
      uid,
      source,
      acceptDamage: flag(options.acceptDamage),
      onVersion: (version) => watch('repair', `${version.name} (${version.uid})`),
    });
    return { result: { ...result }, exitCode: result.valid && result.errors.length === 0 ? 0 : BLOCKS_BAD };
  },
};
