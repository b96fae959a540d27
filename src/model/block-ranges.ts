import type { Geometry } from '../meta/meta-store.ts';
import type { BlockRange } from './types.ts';

/** How many blocks there are in some ranges. */
export function blocksIn(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

/** How many bytes: the image's last block may be shorter. */
export function bytesIn(ranges: readonly BlockRange[], { blockSize, sizeBytes }: Geometry): number {
  return ranges.reduce((sum, { first, count }) => sum + Math.min((first + count) * blockSize, sizeBytes) - first * blockSize, 0);
}
