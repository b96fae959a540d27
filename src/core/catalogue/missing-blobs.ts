import { type FillPage, isCopy } from '../../meta/fill-store.ts';
import type { BlockRow } from '../../model/block.ts';
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

  /** Yields the pages in their order. Rows that are copied were looked at before. */
  async *filter(pages: AsyncIterable<FillPage>): AsyncIterable<FillPage> {
    let seen = 0;
    for await (const page of pages) {
      seen += isCopy(page) ? page.rows : page.length;
      this.#onRows(seen);
      yield isCopy(page) ? page : page.map((row) => (row.uid === null || this.#there.has(row.uid) ? row : this.#missing(row)));
    }
  }

  #missing(row: BlockRow): BlockRow {
    this.count++;
    if (this.examples.length < MOST_EXAMPLES) this.examples.push(row.id);
    return { ...row, valid: false };
  }
}
