import { BackyError } from '../../errors.ts';
import { Bitmap } from '../../model/bitmap.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { presentRanges } from '../blocks/present-blocks.ts';
import { compareSample } from './source-sample.ts';
import { type StoredSampleOptions, storedBlocks } from './stored-sample.ts';

/**
 * Compares a sample of the blocks of an unfinished version with the source, before anything is
 * changed. With another source, or one that has changed since, the version would become a mix.
 * Blocks with data are preferred.
 * @throws BackyError `hintsMismatch` if a block differs.
 */
export async function checkContinuedSource(options: StoredSampleOptions, { uid, size }: TaggedVersion): Promise<void> {
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
