import type { Geometry } from './meta-store.ts';

/** Number and bytes of an image's last block. */
export function lastBlock({ blockSize, sizeBytes }: Geometry): { lastId: number; lastSize: number } {
  const lastId = Math.ceil(sizeBytes / blockSize) - 1;
  return { lastId, lastSize: sizeBytes - lastId * blockSize };
}
