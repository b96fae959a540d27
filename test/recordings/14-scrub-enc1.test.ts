import { rmSync } from 'node:fs';
import { replay } from './replay.ts';
import { backUpSharedBlock, flipped, markAllValid } from './scrubbed-images.ts';

/** The blob of block 1, which three versions share, and its bytes. */
let blob = '';
let bytes: Buffer;

replay({
  recording: '14-scrub-enc1',
  async setup(world) {
    blob = await backUpSharedBlock(world);
    bytes = world.read(blob);
  },
  before: {
    18: (world) => world.write(blob, flipped(bytes, 40)),
    // The following calls were recorded with nothing marked.
    23: markAllValid,
    24: markAllValid,
    25: (world) => {
      world.write(blob, bytes);
      markAllValid(world);
    },
    29: (world) => world.write(blob, bytes.subarray(0, -1)),
    31: (world) => world.write(blob, Buffer.concat([bytes, Buffer.from('x')])),
    33: (world) => world.write(blob, ''),
    34: (world) => rmSync(world.path(blob)),
    41: (world) => {
      world.write(blob, bytes);
      markAllValid(world);
    },
  },
});
