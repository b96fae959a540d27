import type { BlockRow, DatedBlockRow } from '../model/block.ts';
import { type AddVersion, type CopiedRows, type FillPage, isCopy } from './fill-store.ts';
import type { TransferStore } from './transfer-store.ts';

/** The parts of a store for imports. */
export type Importing = Pick<TransferStore, 'importVersion' | 'datedBlockPage'>;

/** Adds trusted versions to a database that is in use. */
export function importing(store: Importing): AddVersion {
  return (version, pages, options) =>
    store.importVersion(version, datedRows(store, pages, version.date), { ...options, isTrusted: true });
}

async function* datedRows(store: Importing, pages: AsyncIterable<FillPage>, date: Date): AsyncIterable<DatedBlockRow> {
  for await (const page of pages) for (const row of isCopy(page) ? await readRows(store, page) : page) yield { ...row, date };
}

function readRows({ datedBlockPage }: Importing, { versionUid, blocks, rows }: CopiedRows): Promise<readonly BlockRow[]> {
  return datedBlockPage(versionUid, blocks.first - 1, rows);
}
