import type { DatedBlockRow } from '../../model/block.ts';

/** Rows of an import that one statement or transaction adds. */
const PAGE_ROWS = 5_000;

/** The same rows, in pages. The last one may be shorter; none is empty. */
export async function* rowPages(rows: AsyncIterable<DatedBlockRow>): AsyncIterableIterator<DatedBlockRow[]> {
  let page: DatedBlockRow[] = [];
  for await (const row of rows) {
    if (page.push(row) < PAGE_ROWS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
