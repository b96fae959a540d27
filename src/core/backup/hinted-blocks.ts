import { BackyError } from '../../errors.ts';
import { Bitmap } from '../../model/bitmap.ts';

/**
 * The blocks that a partial source has: those that its hints name. All others MUST come from the
 * base. If one is missing or bad there, a plan reads it from the source, which does not have it.
 */
export class HintedBlocks {
  readonly #readable: Bitmap;

  /** @param read the blocks to read, before any was found missing in the base. */
  constructor(read: Bitmap) {
    this.#readable = new Bitmap(read.size);
    for (const { first, count } of read.ranges()) this.#readable.addRange(first, first + count);
  }

  /** Refuses a plan that reads anything else. */
  check(read: Bitmap): void {
    for (const { first, count } of read.ranges()) {
      for (let id = first; id < first + count; id++) {
        if (this.#readable.has(id)) continue;
        throw new BackyError('refused', `Block ${id} of the base version is bad or missing, and was not written since.`, {
          data: { block: id },
          hint: 'Overwrite it, or use a version that is good.',
        });
      }
    }
  }
}
