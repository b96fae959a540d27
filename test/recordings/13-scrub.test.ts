import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import { image } from './image.ts';
import { replay } from './replay.ts';
import { backUpSharedBlock, flipped, markAllValid } from './scrubbed-images.ts';
import type { World } from './world.ts';

/** The blob of block 1, which three versions share, and its bytes. */
let blob = '';
const BYTES = image(['shared']);

replay({
  recording: '13-scrub',
  async setup(world) {
    blob = await backUpSharedBlock(world);
  },
  before: {
    18: (world) => world.write(blob, flipped(BYTES, 40)),
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

function undoMending(world: World): void {
  const versions = "(select uid from versions where name in ('vm1', 'vm2', 'vm3'))";
  world.sql(`update blocks set uid=?, valid=0 where id=1 and version_uid in ${versions}`, basename(blob, '.blob'));
  world.sql("update versions set valid=0 where name in ('vm2', 'vm3')");
}
