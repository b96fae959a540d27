import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { text } from '../option-values.ts';
import { BLOCKS_BAD } from './restore.ts';

export const scrubCommand: Command = {
  name: 'scrub',
  description: 'Check the blocks of a version, and mark what is bad.',
  args: [['<version_uid>', 'the version to check']],
  options: [
    ['-s, --source <source>', 'compare with this source as well'],
    ['-p, --percentile <percent>', 'check only so many percent of the blocks, chosen at random'],
  ],
  examples: [
    ['backy2 scrub UID', 'Checks every block.'],
    ['backy2 scrub -p 5 UID', 'Checks a twentieth, for a check every night.'],
  ],
  async run({ args: [uid = ''], options, backy, watch }) {
    const result = await backy.scrub({
      uid,
      source: text(options.source),
      percent: toPercent(text(options.percentile)),
      onVersion: (version) => watch('scrub', `${version.name} (${version.uid})`),
    });
    return { result: { ...result }, exitCode: result.complete && result.errors.length === 0 ? 0 : BLOCKS_BAD };
  },
};

function toPercent(value: string | undefined): number {
  if (value === undefined) return 100;
  const percent = Number(value);
  if (/^[0-9]+(\.[0-9]+)?$/.test(value) && percent <= 100) return percent;
  throw new BackyError('usage', `-p takes a number from 0 to 100, not "${value}".`);
}
