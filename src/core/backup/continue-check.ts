import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { Bitmap } from '../../model/bitmap.ts';
import type { BlockRow } from '../../model/block.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { presentRanges } from '../blocks/present-blocks.ts';
import {
  compareSample,
  type ExpectedBlock,
  isComparable,
  type SampleOptions,
  sampledPages,
  sampleSize,
} from './source-sample.ts';

/**
 * Rows that are looked up for each one that is compared. Zeros are equal in most images and prove
 * little.
 */
const ROWS_FOR_ONE = 20;

/** A sample, and the store that its version is in. */
interface ContinueOptions extends SampleOptions {
  meta: MetaStore;
}

/**
 * Compares a sample of the blocks of an unfinished version with the source, before anything is
 * changed. With another source, or one that has changed since, the version would become a mix.
 * Blocks with data are preferred.
 * @throws BackyError `hintsMismatch` if a block differs.
 */
export async function checkContinuedSource(options: ContinueOptions, { uid, size }: TaggedVersion): Promise<void> {
  const present = new Bitmap(size);
  for await (const { first, count } of presentRanges(options.meta, uid, { first: 0, count: size })) {
    present.addRange(first, first + count);
  }
  await compareSample(options, storedBlocks(options, uid, present), ({ id, offset, length }) => {
    const where = `block ${id}, offset ${offset}, length ${length}`;
    return new BackyError('hintsMismatch', `The source differs from what version ${uid} holds already: ${where}.`, {
      data: { uid, block: id },
      hint: 'Nothing was changed. Give the source that it was begun with, unchanged since then; or start a new backup without -c.',
    });
  });
}

async function* storedBlocks(
  { meta, geometry, percent, random }: ContinueOptions,
  uid: string,
  present: Bitmap,
): AsyncIterableIterator<ExpectedBlock[]> {
  const available = present.count();
  const wanted = sampleSize(available, percent);
  const looked = Math.min(available, wanted * ROWS_FOR_ONE);
  let seen = 0;
  let compared = 0;
  for (const ids of sampledPages(present, looked, random)) {
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
