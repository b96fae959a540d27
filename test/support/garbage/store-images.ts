import type { BackupRow } from '../../../src/model/block.ts';
import type { BlockRange } from '../../../src/model/block-range.ts';
import { sumOf } from '../conformance/numbered-blobs.ts';

/** Images of two leaves: a few blocks have data, all others are zero. */
const BLOCKS = 1_010;
const DATA_IDS = [0, 1, 2, 1_000, 1_001, 1_002];
const CONTENTS = 12;
export const GEOMETRY = { blockSize: 100, sizeBytes: 100 * BLOCKS };

/** The content of each block that has data. */
export type Image = ReadonlyMap<number, number>;

/** An image of its own, or the base's with some changes. */
export function newImage(random: () => number, base: Image | undefined): Image {
  const content = (id: number) => {
    const old = base?.get(id);
    return old === undefined || random() < 0.3 ? 1 + Math.floor(random() * CONTENTS) : old;
  };
  return new Map(DATA_IDS.map((id) => [id, content(id)]));
}

/** Blocks that are the same in both images, zero ones too. */
export function equalRanges(a: Image, b: Image): BlockRange[] {
  return rangesOf((id) => a.get(id) === b.get(id));
}

/** Blocks of an image that are not in `present`: those with data, and the others as ranges. */
export function missingBlocks(image: Image, present: readonly BlockRange[]): { data: number[]; zero: BlockRange[] } {
  const isThere = (id: number) => present.some(({ first, count }) => id >= first && id < first + count);
  return {
    data: DATA_IDS.filter((id) => !isThere(id)),
    zero: rangesOf((id) => !image.has(id) && !isThere(id)),
  };
}

function rangesOf(has: (id: number) => boolean): BlockRange[] {
  const ranges: BlockRange[] = [];
  for (let id = 0; id < BLOCKS; id++) {
    if (!has(id)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.count === id) last.count++;
    else ranges.push({ first: id, count: 1 });
  }
  return ranges;
}

/** A row for a block of this content. */
export function rowOf(id: number, content: number, uid: string, found: boolean): BackupRow {
  return { id, uid, checksum: sumOf(content), size: 100, encVersion: 0, envKey: null, nonce: null, found };
}
