import { BackyError } from '../../errors.ts';
import { Bitmap } from '../../model/bitmap.ts';

/**
 * Guards a backup whose source has only what its hints name. Every other block MUST come from the base: what the base lacks, or has in a bad
 * state, can't be read here, though the plan would.
 */
export class OnlyHinted {
  readonly #readable: Bitmap;

  /** `read`: the blocks that are to be read, before anything was found missing in the base. */
  constructor(read: Bitmap) {
    this.#readable = new Bitmap(read.size);
    for (const { first, count } of read.ranges()) this.#readable.addRange(first, first + count);
  }

  /** Refuses a plan that reads anything else. */
  check(read: Bitmap): void {
    for (const { first, count } of read.ranges()) {
      for (let id = first; id < first + count; id++) {
        if (this.#readable.has(id)) continue;
        throw new BackyError('refused', `Block ${id} of the base version is bad or missing, and was not written anew.`, {
          hint: 'Write over it, or take a version that is good.',
        });
      }
    }
  }
}
