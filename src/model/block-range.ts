import type { Geometry } from './geometry.ts';

/** Block ids `first … first + count - 1`. */
export interface BlockRange {
  first: number;
  count: number;
}

/** The number of blocks in ranges. */
export function blocksIn(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

/** Bytes of a range of an image, whose last block may be shorter. */
export function rangeBytes({ blockSize, sizeBytes }: Geometry, { first, count }: BlockRange): number {
  return Math.min((first + count) * blockSize, sizeBytes) - first * blockSize;
}

/** Bytes of ranges of an image. */
export function bytesIn(ranges: readonly BlockRange[], geometry: Geometry): number {
  return ranges.reduce((sum, range) => sum + rangeBytes(geometry, range), 0);
}
