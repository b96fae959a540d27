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

/** The version that blocks are to be taken over from. */
export interface BaseOptions extends SampleOptions {
  meta: MetaStore;
  baseUid: string;
}

/**
 * Reads a sample of the blocks that the hints leave out and compares them with the base version. The hints may be of another
 * image or another snapshot: then nothing has been stored yet. A difference is a BackyError `hintsMismatch`.
 * @param untouched the blocks that are to be taken over.
 */
export async function checkHintsAgainstBase(options: BaseOptions, untouched: Bitmap): Promise<void> {
  await compareSample(options, baseBlocks(options, untouched), ({ id, offset, length }) =>
    mismatch(
      `Source and backup don't match in regions outside of the hints: wrong source data at block ${id}, offset ${offset}, length ${length}.`,
      'Looks like the hints or the base version belong to another source. Nothing was stored. Back up without hints.',
    ),
  );
}

/**
 * Without a base, what the hints leave out becomes zeros: a sample of it is read and has to be zero. A list of changes since a snapshot, which
 * needs its base, would make a valid version of zeros and changes. A difference is a BackyError `hintsMismatch`.
 */
export async function checkHintsWithoutBase(options: SampleOptions, untouched: Bitmap): Promise<void> {
  await compareSample(options, zeroBlocks(options, untouched), ({ id, offset, length }: SampledBlock) =>
    mismatch(
      `The source has data outside of the hints, and there is no base version: block ${id}, offset ${offset}, length ${length}.`,
      'A list of changes needs its base version (-f UID). Nothing was stored. Back up with -f, or without hints.',
    ),
  );
}

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

function mismatch(message: string, hint: string): BackyError {
  return new BackyError('hintsMismatch', message, { hint });
}
