import type { BlockRow, DatedBlockRow } from '../model/block.ts';
import type { AddVersion } from './fill-store.ts';
import type { TransferStore } from './transfer-store.ts';

/** Adds trusted versions to a database that is in use. */
export function importing({ importVersion }: Pick<TransferStore, 'importVersion'>): AddVersion {
  return (version, pages, options) => importVersion(version, datedRows(pages, version.date), { ...options, isTrusted: true });
}

async function* datedRows(pages: AsyncIterable<readonly BlockRow[]>, date: Date): AsyncIterable<DatedBlockRow> {
  for await (const page of pages) for (const row of page) yield { ...row, date };
}
