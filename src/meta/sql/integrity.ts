import type { BlockRow } from '../../model/block.ts';
import type { CheckedPage, Damage } from '../integrity-store.ts';
import { isBlockId } from './block-conditions.ts';
import { keyedRecords, LEADS_TO_OTHER } from './block-records.ts';
import type { SqlDatabase } from './database.ts';
import { type BlockRecord, toBlockRow } from './rows.ts';
import { sql } from './statement.ts';

/** Rows that one look for doomed blobs gives: a blob may be named by millions. */
const MAX_DOOMED_ROWS = 1_000;

/** See IntegrityStore.checkVersion. This layout has nothing but rows. */
export async function checkVersion(_: SqlDatabase, _versionUid: string): Promise<Damage[]> {
  return [];
}

/** See IntegrityStore.checkedPage. */
export async function checkedPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<CheckedPage> {
  const records = await keyedRecords(db, versionUid, afterId, limit);
  const rows: BlockRow[] = [];
  const damage: Damage[] = [];
  for (const record of records) {
    if (record.is_other) damage.push(otherRow(versionUid, record));
    else if (isHalfSparse(record)) damage.push(halfSparse(versionUid, record));
    else rows.push(toBlockRow(record));
  }
  return { rows, damage, after: records.length < limit ? undefined : records.at(-1)?.id };
}

/** Its own row can't be found by this index. */
function otherRow(versionUid: string, { id }: BlockRecord): Damage {
  return { versionUid, range: { first: id, count: 1 }, problem: 'index', detail: LEADS_TO_OTHER };
}

/** The block had data once, but would be restored as zeros. */
function isHalfSparse({ uid, checksum }: BlockRecord): boolean {
  return (uid === null || uid === '') && checksum !== null && checksum !== '';
}

function halfSparse(versionUid: string, { id }: BlockRecord): Damage {
  return { versionUid, range: { first: id, count: 1 }, problem: 'blob', detail: 'it has a checksum, but names no blob' };
}

/**
 * See IntegrityStore.checkShared. One index lookup for each doomed blob; there are some only while
 * a cleanup runs, or after it was killed.
 */
export async function checkShared(db: SqlDatabase, onPiece: () => void): Promise<Damage[]> {
  onPiece();
  if ((await db.query(db.dialect.hasTable('backy2_doomed'))).length === 0) return [];
  const named = await db.query<{ versionUid: string; id: number; uid: string }>(
    // CROSS JOIN: otherwise SQLite reads all blocks in the order of their key.
    sql`SELECT version_uid AS "versionUid", id, blocks.uid AS uid FROM backy2_doomed CROSS JOIN blocks
      WHERE blocks.uid = backy2_doomed.uid AND valid = 1 AND ${isBlockId(db)} ORDER BY version_uid, id LIMIT ${MAX_DOOMED_ROWS}`,
  );
  return named.map(({ versionUid, id, uid }) => ({
    versionUid,
    range: { first: id, count: 1 },
    problem: 'doomed',
    detail: `a cleanup is about to delete its blob ${uid}`,
  }));
}
