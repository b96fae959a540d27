import type { MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** Rows read from the database at a time. */
const PAGE_ROWS = 5_000;

/** A version, and where to begin. */
export interface RowsInOrderOptions {
  meta: MetaStore;
  version: Pick<TaggedVersion, 'uid' | 'size'>;
  /** Rows with lower ids are skipped. */
  fromId: number;
}

/**
 * Yields all blocks of a version in order, page by page: their rows, or ranges that have no row.
 */
export async function* rowsInOrder({
  meta,
  version,
  fromId,
}: RowsInOrderOptions): AsyncIterableIterator<(BlockRow | BlockRange)[]> {
  let nextId = fromId;
  for (let full = true; full; ) {
    const page = await meta.blockPage(version.uid, nextId - 1, PAGE_ROWS);
    // A page of rows beyond the image would be read for ever.
    full = page.length === PAGE_ROWS && (page.at(-1)?.id ?? version.size) < version.size;
    const items: (BlockRow | BlockRange)[] = [];
    for (const row of page) {
      // Rows that are for no block, or for one that has a row already, are ignored.
      if (row.id < nextId || row.id >= version.size) continue;
      if (row.id > nextId) items.push({ first: nextId, count: row.id - nextId });
      items.push(row);
      nextId = row.id + 1;
    }
    if (!full && nextId < version.size) items.push({ first: nextId, count: version.size - nextId });
    yield items;
  }
}
