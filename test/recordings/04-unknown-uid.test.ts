import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import { recordedTime } from './dates.ts';
import { image } from './image.ts';
import { replay } from './replay.ts';

replay({
  recording: '04-unknown-uid',
  async setup(world) {
    world.write('src.bin', image(['a', 'b', 'c'], { sizeBytes: 10_000 }));
    await world.backup('file://src.bin', 'vm');
  },
  // A backup's expiry is counted from now.
  clock: (call) => (call.argv.includes('due') ? recordedTime(call) : undefined),
  after: {
    // docs/spec/semantics.md §10: it writes to a temporary name and renames; the original leaves a
    // file with one line.
    8: (world) => expect(existsSync(world.path('out.csv'))).toBe(false),
  },
});
