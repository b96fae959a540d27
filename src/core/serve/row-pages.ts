import type { MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../model/block.ts';

const PAGE_ROWS = 512;
/** Pages that are kept in memory: about 20 MiB. */
const KEPT_PAGES = 64;

/** Reads the rows of a version page by page on demand. Keeps the latest pages in memory. */
export class RowPages {
  readonly #meta: MetaStore;
  readonly #versionUid: string;
  readonly #pages = new Map<number, (BlockRow | undefined)[]>();
  readonly #loading = new Map<number, Promise<(BlockRow | undefined)[]>>();

  constructor(meta: MetaStore, versionUid: string) {
    this.#meta = meta;
    this.#versionUid = versionUid;
  }

  /** Returns a block's row, or undefined when the database lacks it. */
  async row(id: number): Promise<BlockRow | undefined> {
    const page = Math.floor(id / PAGE_ROWS);
    const rows = this.#pages.get(page) ?? (await this.#load(page));
    return rows[id % PAGE_ROWS];
  }

  /** Drops the page of a row, so that it is read again. */
  forget(id: number): void {
    this.#pages.delete(Math.floor(id / PAGE_ROWS));
  }

  #load(page: number): Promise<(BlockRow | undefined)[]> {
    let loading = this.#loading.get(page);
    if (loading === undefined) {
      loading = this.#read(page).finally(() => this.#loading.delete(page));
      this.#loading.set(page, loading);
    }
    return loading;
  }

  async #read(page: number): Promise<(BlockRow | undefined)[]> {
    const first = page * PAGE_ROWS;
    const rows = new Array<BlockRow | undefined>(PAGE_ROWS).fill(undefined);
    // If this page lacks rows, the query returns rows of the next page too.
    for (const row of await this.#meta.blockPage(this.#versionUid, first - 1, PAGE_ROWS)) {
      if (row.id < first + PAGE_ROWS) rows[row.id - first] = row;
    }
    this.#pages.set(page, rows);
    const oldest = this.#pages.keys().next();
    if (this.#pages.size > KEPT_PAGES && oldest.done !== true) this.#pages.delete(oldest.value);
    return rows;
  }
}
