import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { BlockRow } from '../../model/block.ts';
import { type ExpectedBlock, isComparable, type SampleOptions, sampledPages, sampleSize } from './source-sample.ts';

/**
 * Rows that are looked up for each one that is compared. Zeros are equal in most images and prove
 * little.
 */
const ROWS_FOR_ONE = 20;

/** A sample, and the store that its version is in. */
export interface StoredSampleOptions extends SampleOptions {
  meta: MetaStore;
}

/**
 * A sample of the stored blocks of a version, in pages. Blocks with data are preferred.
 * @param uid the version. @param set the blocks to choose from.
 */
export async function* storedBlocks(
  { meta, geometry, percent, random }: StoredSampleOptions,
  uid: string,
  set: Bitmap,
): AsyncIterableIterator<ExpectedBlock[]> {
  const available = set.count();
  const wanted = sampleSize(available, percent);
  const looked = Math.min(available, wanted * ROWS_FOR_ONE);
  let seen = 0;
  let compared = 0;
  for (const ids of sampledPages(set, looked, random)) {
    seen += ids.length;
    const rows = (await meta.blocksById(uid, ids)).filter((row) => isComparable(row, geometry));
    const page = choose(rows, Math.ceil((wanted * seen) / looked) - compared);
    compared += page.length;
    yield page;
  }
}

/** Picks rows that are spread over all of them, those with data first. */
function choose(rows: readonly BlockRow[], count: number): BlockRow[] {
  const withData = rows.filter(({ checksum }) => checksum !== null);
  const zeros = rows.filter(({ checksum }) => checksum === null);
  const chosen = spread(withData, count);
  return [...chosen, ...spread(zeros, count - chosen.length)];
}

function spread<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, all.length / Math.max(1, count));
  return all.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step)).slice(0, Math.max(0, count));
}
