import type { BackupRow } from '../../model/block.ts';
import { groupBy } from '../../model/group-by.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import type { Steps } from '../sql/steps.ts';
import { type BlobRecord, blobsByUid, IS_USABLE, insertBlobs, type NewBlob, rescue } from './blobs.ts';
import { toText } from './hex-bytes.ts';
import { ZERO } from './leaf.ts';
import { type VersionMap, zeroLength } from './maps.ts';

/** A row with the block that stands for it. */
export interface NamedRow {
  row: BackupRow;
  block: number;
}

/** Whether a row is a zero block without anything unusual, which needs no row of its own. */
export function isPlainZero(map: VersionMap, row: NewBlob & { id: number }): boolean {
  return (
    row.uid === null &&
    row.checksum === null &&
    row.valid !== false &&
    row.size === zeroLength(map, row.id) &&
    row.encVersion === 0 &&
    row.envKey === null &&
    row.nonce === null
  );
}

/**
 * The blobs of rows that a backup commits: new ones for stored rows, existing ones for those that
 * dedup found. @returns the refused rows too: their blob is unused, doomed, or has no row.
 */
export function* nameBlobs(
  db: SqlDatabase,
  map: VersionMap,
  rows: readonly BackupRow[],
): Steps<{ named: NamedRow[]; refused: BackupRow[] }> {
  const named: NamedRow[] = [];
  const stored: BackupRow[] = [];
  for (const row of rows) {
    if (row.found) continue;
    if (isPlainZero(map, row)) named.push({ row, block: ZERO });
    else stored.push(row);
  }
  stored.sort((a, b) => a.id - b.id);
  yield* addNew(db, stored, named);
  const found = rows.filter((row) => row.found);
  const { usable, different, refused } = yield* findUsable(db, found);
  named.push(...usable);
  yield* addNew(db, different, named);
  yield* rescue(
    db,
    usable.map(({ block }) => block),
  );
  return { named, refused };
}

function* addNew(db: SqlDatabase, rows: readonly BackupRow[], named: NamedRow[]): Steps<void> {
  const ids = yield* insertBlobs(db, rows);
  for (const [i, row] of rows.entries()) named.push({ row, block: ids[i] as number });
}

interface Usable {
  usable: NamedRow[];
  /** Rows whose blob has another length or key there, and needs one more row. */
  different: BackupRow[];
  refused: BackupRow[];
}

/** After the others are added: a block may have been found in the same group. */
function* findUsable(db: SqlDatabase, found: readonly BackupRow[]): Steps<Usable> {
  const uids = [...new Set(found.map(({ uid }) => uid ?? ''))];
  const byUid = groupBy(yield* blobsByUid(db, uids, sql`AND valid = 1 AND ${IS_USABLE}`), ({ uid }) => uid);
  const result: Usable = { usable: [], different: [], refused: [] };
  for (const row of found) {
    const same = (byUid.get(row.uid) ?? []).filter(({ checksum }) => isSame(checksum, row.checksum));
    const match = same.find((record) => isSameForm(record, row));
    if (match !== undefined) result.usable.push({ row, block: match.id });
    else (same.length > 0 ? result.different : result.refused).push(row);
  }
  return result;
}

/** Whether a blob is stored as a row says. */
export function isSameForm(record: BlobRecord, row: Pick<NewBlob, 'size' | 'encVersion' | 'envKey' | 'nonce'>): boolean {
  return (
    record.size === row.size &&
    record.enc_version === row.encVersion &&
    isSame(record.envkey, row.envKey) &&
    isSame(record.nonce, row.nonce)
  );
}

/** Whether a column, as hex, holds this text. */
export function isSame(hex: string | null, text: string | null): boolean {
  return toText(hex) === text;
}
