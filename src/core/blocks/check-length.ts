import type { Block } from '../../model/block.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import type { BadBlockRecorder } from './bad-blocks.ts';
import { markVersionInvalid } from './marks.ts';

/** A version whose blocks were checked. */
interface CheckedVersion {
  version: TaggedVersion;
  bad: BadBlockRecorder;
  geometry: Geometry;
}

/**
 * Checks that the last block ends where the image does. The image's length is in the version's row
 * alone, so that no check of single blocks sees it. If they differ, the block is reported and the
 * version marked invalid. A last block that is missing is reported elsewhere.
 */
export async function checkLength({ meta, logger }: Context, { version, bad, geometry }: CheckedVersion): Promise<void> {
  const lastId = blockCount(geometry) - 1;
  if (lastId < 0 || bad.found.some(({ id, count }) => id <= lastId && lastId < id + count)) return;
  const [last] = await meta.blocksById(version.uid, [lastId]);
  if (last !== undefined && !hasItsLength(last, geometry)) await reportLength({ meta, logger }, { version, bad, geometry }, last);
}

/** Whether the row of a block has the length of its place in the image. */
export function hasItsLength({ id, uid, size }: Block, geometry: Geometry): boolean {
  // Rows of sparse blocks may be without a size in old databases.
  return size === blockLength(geometry, id) || (uid === null && size === 0);
}

/** Reports a block whose row has another length than its place, and marks the version invalid. */
export async function reportLength(
  { meta, logger }: Pick<Context, 'meta' | 'logger'>,
  { version, bad, geometry }: CheckedVersion,
  { id, uid, size }: Block,
): Promise<void> {
  const room = blockLength(geometry, id);
  bad.found.push({ id, count: 1, uid, problem: 'length', actual: `${size} bytes`, expected: `${room} bytes` });
  await markVersionInvalid({ meta, logger }, version.uid, bad.affectedVersions);
  const which = id === blockCount(geometry) - 1 ? `The last block (${id})` : `Block ${id}`;
  logger.error(
    `${which} of version ${version.uid} has ${size} bytes, but should have ${room} by the version's ${version.sizeBytes} bytes: one of the two rows is damaged.`,
  );
}
