import { type BlockRow, type DatedBlockRow, isSameBlob } from '../../model/block.ts';
import { groupBy } from '../../model/group-by.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { blobsTaken } from '../transfer-store.ts';
import { type BlobRecord, blobsByUid, hasUid, insertBlobs, rescue, UNUSED } from './blobs.ts';
import { Changes } from './changes.ts';
import { isNamed } from './doomed.ts';
import { ZERO } from './leaf.ts';
import type { LeafHash } from './leaf-sum.ts';
import { isOdd, type VersionMap } from './maps.ts';
import { isPlainZero, isSame, isSameForm } from './named-blobs.ts';

/** Rows of an import. */
interface ImportedPage {
  map: VersionMap;
  page: readonly DatedBlockRow[];
  /** See ImportOptions. */
  isTrusted: boolean;
  allOrNothing: boolean;
  heedsBad: boolean;
}

/** Rows of a page whose blobs need another look. */
export interface AddedRows {
  /** They have a doomed blob. */
  doomed: number;
  /** No row had their blob before, so that it may have been deleted already. */
  unknown: number;
  /** See ImportOptions.heedsBad. */
  bad: number;
}

/**
 * Adds rows of an import to a map. Each gets a blob that is the same in all columns, or a new one.
 * From then on, no cleanup takes it.
 */
export function* addImported(
  db: SqlDatabase,
  hash: LeafHash,
  { map, page, isTrusted, allOrNothing, heedsBad }: ImportedPage,
): Steps<AddedRows> {
  yield* run(sql`UPDATE backy2_maps SET block_size = ${map.blockSize} WHERE id = ${map.map}`);
  const uids = [...new Set(page.flatMap(({ uid }) => uid ?? []))];
  const known = groupBy(yield* blobsByUid(db, uids), ({ uid }) => uid);
  const doomed = allOrNothing ? yield* reallyDoomed(db, uids) : yield* doomedAmong(db, uids);
  const wasBad = heedsBad ? yield* foundBad(db, uids) : new Set();
  const blocks = new Map<DatedBlockRow, number>();
  const fresh: DatedBlockRow[] = [];
  const added = { doomed: 0, unknown: 0, bad: 0 };
  for (const imported of page) {
    const isDoomed = imported.uid !== null && doomed.has(imported.uid);
    if (isDoomed && imported.valid && allOrNothing) throw blobsTaken(map.versionUid);
    if (isDoomed) added.doomed++;
    if (imported.valid && imported.uid !== null && !known.has(imported.uid)) added.unknown++;
    const records = known.get(imported.uid) ?? [];
    const isBad = heedsBad && !isDoomed && imported.valid && isKnownBad(records, imported, wasBad.has(imported.uid));
    if (isBad) added.bad++;
    const row = isDoomed || isBad ? { ...imported, valid: false } : imported;
    const same = records.find((record) => isSameRow(record, row));
    if (isPlainZero(map, row)) blocks.set(row, ZERO);
    else if (same !== undefined) blocks.set(row, same.id);
    else fresh.push(row);
  }
  yield* rescue(db, new Set([...blocks.values()].filter((block) => block !== ZERO)));
  const { news, places } = different(fresh);
  const ids = yield* insertBlobs(db, news);
  for (const [i, row] of fresh.entries()) blocks.set(row, ids[places[i] as number] as number);
  if (!isTrusted)
    yield* doubt(
      db,
      news.filter((row) => !(known.get(row.uid) ?? []).some((record) => record.valid === 1 && isSameContent(record, row))),
    );
  const changes = new Changes();
  for (const [row, block] of blocks) changes.set(row.id, block, block !== ZERO && isOdd(map, row));
  yield* changes.write(db, hash, map);
  return added;
}

/** Those of the uids whose bytes a cleanup deletes, or may have deleted before it was killed. */
function* doomedAmong({ dialect }: SqlDatabase, uids: readonly string[]): Steps<Set<string>> {
  // Usually there are none: one look instead of two for each.
  const some = sql`SELECT 1 AS one FROM backy2_doomed UNION ALL SELECT 1 FROM backy2_candidates WHERE scanned = ${UNUSED} LIMIT 1`;
  if ((yield* rowsOf(some)).length === 0) return new Set();
  const rows = yield* rowsOf<{ uid: string }>(
    sql`SELECT uid FROM ${dialect.uids(uids)} WHERE EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = wanted.uid)
      OR EXISTS (SELECT 1 FROM backy2_blobs WHERE ${hasUid(sql`wanted.uid`)}) AND NOT ${isNamed(sql`wanted.uid`)}`,
  );
  return new Set(rows.map(({ uid }) => uid));
}

/**
 * Those that are doomed. A blob that is only unused is still there, as the caller has seen, and no
 * cleanup deletes it without a mark meanwhile: it can be rescued.
 */
function* reallyDoomed({ dialect }: SqlDatabase, uids: readonly string[]): Steps<Set<string>> {
  const rows = yield* rowsOf<{ uid: string }>(
    sql`SELECT uid FROM ${dialect.uids(uids)} WHERE EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = wanted.uid)`,
  );
  return new Set(rows.map(({ uid }) => uid));
}

/** Those that were bad when they were last read. */
function* foundBad({ dialect }: SqlDatabase, uids: readonly string[]): Steps<Set<string | null>> {
  const rows = yield* rowsOf<{ uid: string }>(
    sql`SELECT uid FROM ${dialect.uids(uids)}
      WHERE EXISTS (SELECT 1 FROM backy2_verified AS checked WHERE checked.uid = wanted.uid AND good = 0)`,
  );
  return new Set(rows.map(({ uid }) => uid));
}

/** A blob that was replaced has no checksum any more: see `healBlobs`. */
function isKnownBad(records: readonly BlobRecord[], row: BlockRow, wasBad: boolean): boolean {
  if (row.uid === null || records.some((record) => record.valid === 1 && isSameContent(record, row))) return false;
  if (wasBad) return true;
  return records.some((record) => record.valid !== 1 && (record.checksum === null || isSame(record.checksum, row.checksum)));
}

/** Whether a blob has the content of a row. */
export function isSameRow(record: BlobRecord, row: BlockRow): boolean {
  return record.valid === (row.valid ? 1 : 0) && isSameContent(record, row);
}

function isSameContent(record: BlobRecord, row: BlockRow): boolean {
  return isSame(record.checksum, row.checksum) && isSameForm(record, row);
}

/**
 * The rows that are not the same as an earlier one but for their ids, and for each row the place of
 * its own among them.
 */
export function different<R extends BlockRow>(rows: readonly R[]): { news: R[]; places: number[] } {
  const news: R[] = [];
  // Nearly always one of each uid.
  const byUid = new Map<string | null, number[]>();
  const places = rows.map((row) => {
    const ofUid = byUid.get(row.uid);
    const same = ofUid?.find((place) => isSameBlob(news[place] as R, row));
    if (same !== undefined) return same;
    const place = news.push(row) - 1;
    if (ofUid === undefined) byUid.set(row.uid, [place]);
    else ofUid.push(place);
    return place;
  });
  return { news, places };
}

/** Remembers blobs that are known only from this import. */
function* doubt({ dialect }: SqlDatabase, rows: readonly DatedBlockRow[]): Steps<void> {
  const named = rows.filter(({ uid, checksum }) => uid !== null && checksum !== null);
  const columns = [
    { name: sql`uid`, type: 'text', values: named.map(({ uid }) => uid) },
    { name: sql`checksum`, type: 'text', values: named.map(({ checksum }) => checksum) },
  ] as const;
  yield* dialect.insertRows(sql`backy2_imported`, columns, sql`ON CONFLICT DO NOTHING`);
}
