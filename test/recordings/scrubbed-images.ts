import { distinct, image, ZERO } from './image.ts';
import type { World } from './world.ts';

const SIZE_BYTES = 6 * 4096 + 100;
const BLOCKS = ['a0', 'shared', ZERO, 'a3', 'a4', 'a5', 'a6'];

/**
 * Makes the sources and versions of the recordings of scrub.
 * @returns the path of the blob of block 1, which three versions share.
 */
export async function backUpSharedBlock(world: World): Promise<string> {
  world.write('a', image(BLOCKS, { sizeBytes: SIZE_BYTES }));
  world.write('b', image(['other', ...BLOCKS.slice(1)], { sizeBytes: SIZE_BYTES }));
  world.write('short', image(distinct('short', 2)));
  world.write('h0', JSON.stringify([{ offset: 5 * 4096, length: 4096, exists: true }]));
  const uid = await world.backup('file://a', 'vm1');
  await world.backup('file://a', 'vm2');
  await world.backup('file://b', 'vm3');
  world.bind(1, uid);
  return world.blobPath(uid, 1);
}

/** A copy with one bit flipped. */
export function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

export function markAllValid(world: World): void {
  world.sql('update blocks set valid=1');
  world.sql('update versions set valid=1');
}
