import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import {
  compareSample,
  type ExpectedBlock,
  isComparable,
  type SampledBlock,
  type SampleOptions,
  sampledPages,
  sampleSize,
} from './source-sample.ts';

/** A sample, and the version that its blocks are taken over from. */
interface BaseOptions extends SampleOptions {
  meta: MetaStore;
  baseUid: string;
}

/**
 * Compares a sample of the blocks that no hint touches with the base version, before anything is
 * stored. The hints may be of another image or another snapshot.
 * @param untouched the blocks that are to be taken over.
 * @throws BackyError `hintsMismatch` if a block differs.
 */
export async function checkHintsAgainstBase(options: BaseOptions, untouched: Bitmap): Promise<void> {
  await compareSample(options, baseBlocks(options, untouched), ({ id, offset, length }) =>
    mismatch(
      id,
      `Source and backup don't match in regions outside of the hints: wrong source data at block ${id}, offset ${offset}, length ${length}.`,
      'Looks like the hints or the base version belong to another source. Nothing was stored. Back up without hints.',
    ),
  );
}

/**
 * Checks that a sample of the blocks that no hint touches is zero. Without a base they become
 * zeros. A list of changes since a snapshot needs its base: without it, all other data would be
 * lost.
 * @throws BackyError `hintsMismatch` if a block has data.
 */
export async function checkHintsWithoutBase(options: SampleOptions, untouched: Bitmap): Promise<void> {
  await compareSample(options, zeroBlocks(options, untouched), ({ id, offset, length }: SampledBlock) =>
    mismatch(
      id,
      `The source has data outside of the hints, and there is no base version: block ${id}, offset ${offset}, length ${length}.`,
      'A list of changes needs its base version (-f UID). Nothing was stored. Back up with -f, or without hints.',
    ),
  );
}

/** A sample of the blocks of a set that can be compared with the base version, in pages. */
async function* baseBlocks(
  { meta, baseUid, geometry, percent, random }: BaseOptions,
  untouched: Bitmap,
): AsyncIterableIterator<ExpectedBlock[]> {
  for (const ids of sampledPages(untouched, sampleSize(untouched.count(), percent), random)) {
    yield (await meta.blocksById(baseUid, ids)).filter((row) => isComparable(row, geometry));
  }
}

async function* zeroBlocks({ percent, random }: SampleOptions, untouched: Bitmap): AsyncIterableIterator<ExpectedBlock[]> {
  for (const ids of sampledPages(untouched, sampleSize(untouched.count(), percent), random)) {
    yield ids.map((id) => ({ id, checksum: null }));
  }
}

function mismatch(block: number, message: string, hint: string): BackyError {
  return new BackyError('hintsMismatch', message, { data: { block }, hint });
}
