import { image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

/** Calls that only read a config file; the note has the option's value. */
const VALUES = [11, 12, 13, 14, 15, 16];

replay({
  recording: '21-dedup',
  setup(world) {
    world.write('a', image(['a', 'b', 'a', 'b', ZERO]));
    world.write('c', image(['c'], { sizeBytes: 100 }));
    world.config('nodedup.cfg', withDeduplication('0'));
  },
  before: Object.fromEntries(VALUES.map((call) => [call, (world: World) => writeConfig(world, call)])),
});

function writeConfig(world: World, call: number): void {
  const value = /^deduplication: (\S+)$/.exec(world.recordedCall(call).note ?? '')?.[1] ?? '';
  world.config('x.cfg', withDeduplication(value));
}

function withDeduplication(value: string) {
  // Longer than any value, so that each value changes the text.
  return (text: string) => text.replace(/^deduplication:.*$/m, `deduplication:  ${value}`);
}
