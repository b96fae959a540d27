import type { BlockRow } from '../../model/block.ts';
import type { RowPages } from './import-manifest.ts';
import type { ListedBlobs } from './listed-blobs.ts';

/** Blocks to name in a message. */
const MOST_EXAMPLES = 10;

/** Makes rows of a version invalid whose blobs are gone, and counts them. */
export class MissingBlobs {
  count = 0;
  /** Ids of the first blocks. */
  readonly examples: number[] = [];
  readonly #there: ListedBlobs;
  readonly #onRows: (rows: number) => void;

  /** @param onRows called with the number of rows so far at each page; a throw ends them. */
  constructor(there: ListedBlobs, onRows: (rows: number) => void) {
    this.#there = there;
    this.#onRows = onRows;
  }

  /** Yields the pages in their order. */
  async *filter(pages: RowPages): RowPages {
    let seen = 0;
    for await (const page of pages) {
      seen += page.length;
      this.#onRows(seen);
      yield page.map((row) => (row.uid === null || this.#there.has(row.uid) ? row : this.#missing(row)));
    }
  }

  #missing(row: BlockRow): BlockRow {
    this.count++;
    if (this.examples.length < MOST_EXAMPLES) this.examples.push(row.id);
    return { ...row, valid: false };
  }
}
