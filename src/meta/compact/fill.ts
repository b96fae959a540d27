import type { BlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import type { AddVersion, CopiedRows } from '../fill-store.ts';
import { bind } from '../sql/bind.ts';
import type { Play, SqlDatabase } from '../sql/database.ts';
import { fill as fillWith, type RowSink } from '../sql/fill.ts';
import { sql } from '../sql/statement.ts';
import { run, type Steps } from '../sql/steps.ts';
import { blobsById, insertBlobs } from './blobs.ts';
import { Changes } from './changes.ts';
import { digestMap } from './checks.ts';
import { damaged } from './damage.ts';
import { different, isSameRow } from './import-rows.ts';
import { blockSizeOf, importVersion } from './import-version.ts';
import { ZERO } from './leaf.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { insertMap, isOdd, leafOf, mapOf, type VersionMap } from './maps.ts';
import { isPlainZero } from './named-blobs.ts';
import { datedBlockPage, rowsAfter } from './rows.ts';
import { BLOB_INDEXES } from './schema.ts';
import { UidTable } from './uid-table.ts';

/** Rows of one page when blobs of an earlier run are read. */
const PAGE_ROWS = 10_000;

/**
 * See FillStore.fill: the compact layout of both engines. 23 to 46 bytes of memory for each blob.
 */
export function fill(
  db: SqlDatabase,
  body: (add: AddVersion) => Promise<void>,
  bulk: (work: () => Promise<void>) => Promise<void> = (work) => work(),
): Promise<void> {
  return fillWith(
    db,
    {
      ...{ layout: 'compact', indexes: BLOB_INDEXES, table: sql`backy2_blobs` },
      prepare: async () => {
        const hash = await leafHash();
        const uids = await knownUids(db);
        return (version, play) => rowsOf(db, { hash, uids, version, play });
      },
      bulk,
      inUse: bind(db, { importVersion, datedBlockPage }),
    },
    body,
  );
}

/** The blobs of an earlier run. */
async function knownUids(db: SqlDatabase): Promise<UidTable> {
  const uids = new UidTable();
  for (let after = 0; ; ) {
    const page = await db.query<{ id: number; uid: string | null }>(
      sql`SELECT id, uid FROM backy2_blobs WHERE id > ${after} ORDER BY id LIMIT ${PAGE_ROWS}`,
    );
    for (const { id, uid } of page) if (uid !== null) uids.set(uid, id);
    const last = page.at(-1);
    if (last === undefined) return uids;
    after = last.id;
  }
}

interface SinkOptions {
  hash: LeafHash;
  uids: UidTable;
  version: Version;
  play: Play;
}

async function rowsOf(db: SqlDatabase, { hash, uids, version, play }: SinkOptions): Promise<RowSink> {
  const map: VersionMap = {
    ...{ map: await play(insertMap(db, version.uid)), versionUid: version.uid, blockSize: null },
    ...{ size: version.size, sizeBytes: version.sizeBytes, date: toStoredDate(version.date) },
  };
  return {
    add: (page) => play(addPage(db, { hash, uids, map, page })),
    copy: (copied) => play(copyLeaves(db, { hash, uids, map }, copied)),
    end: () => play(digestMap(hash, map)),
  };
}

interface Target {
  hash: LeafHash;
  uids: UidTable;
  map: VersionMap;
}

function* addPage(db: SqlDatabase, { hash, uids, map, page }: Target & { page: readonly BlockRow[] }): Steps<void> {
  if (map.blockSize === null && page.length > 0) yield* setBlockSize(map, blockSizeOf(map, page));
  const changes = new Changes();
  const set = (row: BlockRow, block: number) => changes.set(row.id, block, block !== ZERO && isOdd(map, row));
  const candidates: { row: BlockRow; block: number }[] = [];
  const fresh: BlockRow[] = [];
  for (const row of page) {
    const block = row.uid === null ? undefined : uids.get(row.uid);
    if (isPlainZero(map, row)) set(row, ZERO);
    else if (block === undefined) fresh.push(row);
    else candidates.push({ row, block });
  }
  // The table knows uids by a hash, and a uid can have several contents.
  const records = yield* blobsById(db, [...new Set(candidates.map(({ block }) => block))]);
  for (const { row, block } of candidates) {
    const record = records.get(block);
    if (record !== undefined && record.uid === row.uid && isSameRow(record, row)) set(row, block);
    else fresh.push(row);
  }
  const { news, places } = different(fresh);
  const ids = yield* insertBlobs(db, news);
  for (const [i, row] of fresh.entries()) {
    const id = ids[places[i] as number] as number;
    set(row, id);
    if (row.uid !== null) uids.set(row.uid, id);
  }
  yield* changes.write(db, hash, map);
}

function* setBlockSize(map: VersionMap, blockSize: number): Steps<void> {
  map.blockSize = blockSize;
  yield* run(sql`UPDATE backy2_maps SET block_size = ${blockSize} WHERE id = ${map.map}`);
}

function* copyLeaves(db: SqlDatabase, target: Target, { versionUid, blocks, rows }: CopiedRows): Steps<void> {
  const { hash, map } = target;
  const from = yield* mapOf(versionUid);
  if (from?.blockSize === undefined || from.blockSize === null)
    throw damaged(db, `version ${versionUid}, which is to be copied from, has no blocks`);
  if (map.blockSize === null) yield* setBlockSize(map, from.blockSize);
  const { first, count } = blocks;
  if (!hasSameForm(map, from, first + count))
    return yield* addPage(db, { ...target, page: yield* rowsAfter(db, hash, from, { afterId: first - 1, limit: rows }) });
  yield* run(
    sql`INSERT INTO backy2_map_leaves (map, idx, leaf) SELECT ${map.map}, idx, leaf FROM backy2_map_leaves
      WHERE map = ${from.map} AND idx >= ${leafOf(first)} AND idx <= ${leafOf(first + count - 1)}`,
  );
}

/**
 * Whether the same leaves stand for the same rows in two maps. They have no lengths of zero blocks,
 * but for odd ones, which depend on the block size and on the end of the image.
 */
function hasSameForm(a: VersionMap, b: VersionMap, end: number): boolean {
  if (a.blockSize !== b.blockSize) return false;
  return (end < a.size && end < b.size) || (a.size === b.size && a.sizeBytes === b.sizeBytes);
}
