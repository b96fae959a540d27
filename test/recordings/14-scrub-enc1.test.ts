import { rmSync } from 'node:fs';
import { distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const SIZE_BYTES = 6 * 4096 + 100;
const blocks = ['a0', 'shared', ZERO, 'a3', 'a4', 'a5', 'a6'];

/** The blob of block 1, which three versions share, and its bytes. */
let blob = '';
let bytes: Buffer;

replay({
  recording: '14-scrub-enc1',
  async setup(world) {
    world.write('a', image(blocks, { sizeBytes: SIZE_BYTES }));
    world.write('b', image(['other', ...blocks.slice(1)], { sizeBytes: SIZE_BYTES }));
    world.write('short', image(distinct('short', 2)));
    world.write('h0', JSON.stringify([{ offset: 5 * 4096, length: 4096, exists: true }]));
    const uid = await world.backup('file://a', 'vm1');
    await world.backup('file://a', 'vm2');
    await world.backup('file://b', 'vm3');
    world.bind(1, uid);
    blob = world.blobPath(uid, 1);
    bytes = world.read(blob);
  },
  before: {
    18: (world) => world.write(blob, flipped(40)),
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

function flipped(at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

function markAllValid(world: World): void {
  world.sql('update blocks set valid=1');
  world.sql('update versions set valid=1');
}
