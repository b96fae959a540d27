import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { blockCount } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';

/**
 * The block size that a version was made with, in bytes. Databases do not store it: it is the
 * length of the first block. The configured one may have changed since.
 */
export async function blockSizeOf(meta: MetaStore, version: TaggedVersion, configured: number): Promise<number> {
  if (version.size <= 1) return Math.max(configured, version.sizeBytes);
  const [first] = await meta.blocksById(version.uid, [0]);
  const blockSize = first?.size ?? configured;
  if (blockSize > 0 && blockCount({ blockSize, sizeBytes: version.sizeBytes }) === version.size) return blockSize;
  throw new BackyError('refused', `Version ${version.uid} does not fit the block size of ${blockSize} bytes.`, {
    data: { uid: version.uid },
    hint: 'Set block_size in section DEFAULTS to what it was when the version was made.',
  });
}

/** Refuses to mix block sizes in one version. */
export async function checkSameBlockSize(meta: MetaStore, version: TaggedVersion, configured: number): Promise<void> {
  const expected = Math.ceil(version.sizeBytes / configured);
  const [first] = await meta.blocksById(version.uid, [0]);
  if (version.size === expected && (version.size <= 1 || first === undefined || first.size === configured || !first.valid))
    return;
  throw new BackyError('refused', `Version ${version.uid} was made with another block size than ${configured} bytes.`, {
    data: { uid: version.uid },
    hint: 'Start a new backup, without -f and -c, or set block_size in section DEFAULTS back.',
  });
}
