import type { DatedBlockRow } from '../../model/block.ts';
import { fromStoredDate } from '../../model/dates.ts';
import { rememberLast } from '../../model/remember-last.ts';
import { blockRecords } from './block-records.ts';
import type { SqlDatabase } from './database.ts';
import { toBlockRow } from './rows.ts';

/** See TransferStore.datedBlockPage. */
export async function datedBlockPage(
  db: SqlDatabase,
  versionUid: string,
  afterId: number,
  limit: number,
): Promise<DatedBlockRow[]> {
  const records = await blockRecords(db, versionUid, afterId, limit);
  const dateOf = rememberLast(fromStoredDate);
  return records.map((record) => Object.assign(toBlockRow(record), { date: dateOf(record.date) }));
}
