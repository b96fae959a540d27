import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { distinct, image, ZERO } from './image.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const SIZE_BYTES = 6 * 4096 + 100;
const blocks = ['a0', 'shared', ZERO, 'a3', 'a4', 'a5', 'a6'];

/** The blob of block 1, which three versions share, and its bytes. */
let blob = '';
const BYTES = image(['shared']);

replay({
  recording: '13-scrub',
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
  },
  before: {
    18: (world) => world.write(blob, flipped(40)),
    // So that this restore marks them.
    24: markAllValid,
    25: (world) => world.write(blob, BYTES),
    // The backup has repaired them; the recording goes on with bad blocks.
    27: undoMending,
    29: (world) => world.write(blob, BYTES.subarray(0, -1)),
    31: (world) => world.write(blob, Buffer.concat([BYTES, Buffer.from('x')])),
    33: (world) => world.write(blob, ''),
    34: (world) => rmSync(world.path(blob)),
    41: (world) => {
      world.write(blob, BYTES);
      markAllValid(world);
    },
  },
});

function flipped(at: number): Buffer {
  const bytes = Buffer.from(BYTES);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes;
}

function undoMending(world: World): void {
  const versions = "(select uid from versions where name in ('vm1', 'vm2', 'vm3'))";
  world.sql(`update blocks set uid=?, valid=0 where id=1 and version_uid in ${versions}`, basename(blob, '.blob'));
  world.sql("update versions set valid=0 where name in ('vm2', 'vm3')");
}

function markAllValid(world: World): void {
  world.sql('update blocks set valid=1');
  world.sql('update versions set valid=1');
}
