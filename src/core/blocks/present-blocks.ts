import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { BlockRange } from '../../model/block-range.ts';

/** Ids whose rows are looked up at a time. */
const LOOKUP_BLOCKS = 100_000;

/** The ids within `range` that have a row. Scattered rows make a range each. */
export async function* presentRanges(meta: MetaStore, versionUid: string, range: BlockRange): AsyncIterableIterator<BlockRange> {
  const end = range.first + range.count;
  for (let first = range.first; first < end; first += LOOKUP_BLOCKS) {
    yield* await meta.presentBlocks(versionUid, { first, count: Math.min(LOOKUP_BLOCKS, end - first) });
  }
}

/** A set of ids to extend, and the ids to look at. */
interface MissingBlocksRequest {
  versionUid: string;
  ids: Bitmap;
  range: BlockRange;
}

/** Adds the ids within `range` that have no row to `ids`, and removes the others. */
export async function addMissingBlocks(meta: MetaStore, { versionUid, ids, range }: MissingBlocksRequest): Promise<void> {
  ids.addRange(range.first, range.first + range.count);
  for await (const { first, count } of presentRanges(meta, versionUid, range)) ids.deleteRange(first, first + count);
}
