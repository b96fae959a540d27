import { BackyError, EXIT_CODES } from '../../errors.ts';
import type { Command } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { checkSource } from '../options/check-url.ts';
import { flag, text } from '../options/option-values.ts';

export const repairCommand: Command = {
  name: 'repair',
  description: 'Repair bad blocks from a source.',
  changesVersions: true,
  args: [['<version_uid>', 'version to repair']],
  options: [['-s, --source <source>', 'original source or a copy, e.g. file:///dev/sda'], ACCEPT_DAMAGE],
  examples: [['backy2 repair UID -s file:///dev/vg0/web', 'Stores the bad blocks again, where the source is unchanged.']],
  async prepare({ args: [uid = ''], options }) {
    const source = text(options.source);
    if (source === undefined)
      throw new BackyError('usage', 'repair needs a source: -s SOURCE.', {
        hint: 'Name the source that was backed up, or a copy of it.',
      });
    await checkSource(source);
    const acceptDamage = flag(options.acceptDamage);
    return async ({ backy, watch }) => {
      const result = await backy.repair({
        uid,
        source,
        acceptDamage,
        onVersion: (version) => watch('repair', `${version.name} (${version.uid})`),
      });
      return { result: { ...result }, exitCode: result.valid && result.errors.length === 0 ? 0 : EXIT_CODES.blocksBad };
    };
  },
};
