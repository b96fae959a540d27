import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import type { BadBlock, BadBlockRecorder } from './bad-blocks.ts';
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
  const lastSize = blockLength(geometry, lastId);
  if (lastId < 0 || bad.found.some(({ id, count }) => id <= lastId && lastId < id + count)) return;
  const [last] = await meta.blocksById(version.uid, [lastId]);
  if (last === undefined || last.size === lastSize) return;
  // Rows of sparse blocks may be without a size in old databases.
  if (last.uid === null && last.size === 0) return;
  const found: BadBlock = {
    id: lastId,
    count: 1,
    uid: last.uid,
    problem: 'length',
    actual: `${last.size} bytes`,
    expected: `${lastSize} bytes`,
  };
  bad.found.push(found);
  await markVersionInvalid({ meta, logger }, version.uid, bad.affectedVersions);
  logger.error(
    `The last block (${lastId}) of version ${version.uid} has ${last.size} bytes, but should have ${lastSize} by the version's ${version.sizeBytes} bytes: one of the two rows is damaged.`,
  );
}
