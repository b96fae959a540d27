import type { DatedBlockRow } from '../../model/block.ts';
import { blockRecords } from './block-records.ts';
import type { SqlDatabase } from './database.ts';
import { toDatedBlockRow } from './rows.ts';

/** See TransferStore.datedBlockPage. */
export async function datedBlockPage(
  db: SqlDatabase,
  versionUid: string,
  afterId: number,
  limit: number,
): Promise<DatedBlockRow[]> {
  return (await blockRecords(db, versionUid, afterId, limit)).map(toDatedBlockRow);
}
