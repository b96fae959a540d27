import type { Geometry } from '../../model/geometry.ts';

/**
 * Measured with backups and scrubs, two cores: below this, starting threads costs more than it
 * saves (40 ms of processor time a command), sealed blobs and processors without lanes included.
 */
const FEW_BYTES = 32 * 1024 ** 2;
/** Small blocks cost main more than their bytes: rows and decisions take a core of their own. */
const FEW_BLOCKS = 256;
/** Above it, zstd takes seconds for a block of 4 MiB. */
const FAST_LEVEL = 3;

/** Work for a pool. */
export interface PoolWork extends Pick<Geometry, 'blockSize'> {
  blocks: number;
  /** Of new blobs. Undefined: they are not compressed. */
  compressionLevel: number | undefined;
}

/**
 * Whether work is worth threads of its own; if not, a pool MAY be `inline`. There, one piece of
 * work blocks the event loop for as long as encoding a block takes, or hashing all lanes: up to 50
 * ms with blocks of 4 MiB.
 */
export function needsThreads({ blocks, blockSize, compressionLevel = 0 }: PoolWork): boolean {
  return blocks > FEW_BLOCKS || blocks * blockSize > FEW_BYTES || compressionLevel > FAST_LEVEL;
}
