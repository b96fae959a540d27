import type { Geometry } from '../meta/meta-store.ts';

/** The highest id that the column can have in the original's schema. */
export const LAST_ID = 2 ** 31 - 1;

/** Ids of stray rows that messages name. */
export const STRAY_EXAMPLES = 3;

/** Number and bytes of an image's last block. */
export function lastBlock({ blockSize, sizeBytes }: Geometry): { lastId: number; lastSize: number } {
  const lastId = Math.ceil(sizeBytes / blockSize) - 1;
  return { lastId, lastSize: sizeBytes - lastId * blockSize };
}
