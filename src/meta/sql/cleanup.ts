import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FutureTimes } from '../../model/reports.ts';
import type { OnSearched, WaitingBlobs } from '../cleanup-store.ts';
import type { SqlDatabase } from './database.ts';
import { secondsAgo } from './seconds-ago.ts';
import { bumpState, readState } from './state.ts';
import { type Sql, sql } from './statement.ts';
import { rowOf, rowsOf, run } from './steps.ts';
import { forgetChecks } from './verified-steps.ts';

/** Candidates that one statement or transaction looks through. */
const PIECE = 10_000;

/** A condition on a candidate: no row names its blob, and it is not doomed yet. */
const IS_FREE = sql`NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = deleted_blocks.uid)
  AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = deleted_blocks.uid)`;

/** See CleanupStore.redateFutureCandidates. */
export function redateFutureCandidates(db: SqlDatabase, candidates = sql`deleted_blocks`): Promise<FutureTimes> {
  return db.transaction(function* () {
    const { now, latest } = yield* rowOf<{ now: number; latest: number | null }>(
      sql`SELECT ${db.dialect.nowSeconds()} AS now, max(time) AS latest FROM ${candidates}`,
    );
    if (latest === null || latest <= now) return { count: 0, aheadSeconds: 0 };
    const count = yield* run(sql`UPDATE ${candidates} SET time = ${now} WHERE time > ${now}`);
    return { count, aheadSeconds: latest - now };
  });
}

/**
 * See CleanupStore.dropUsedCandidates. A removal commits its candidates together with the last of
 * its rows, so that none of them counts as used.
 */
export async function dropUsedCandidates(
  db: SqlDatabase,
  minAgeSeconds: number,
  onSearched: OnSearched = () => {},
): Promise<number> {
  const latest = await secondsAgo(db, minAgeSeconds);
  const isOld = sql`time <= ${latest}`;
  const { total } = await db.queryOne<{ total: number }>(sql`SELECT count(*) AS total FROM deleted_blocks WHERE ${isOld}`);
  let done = 0;
  let left = 0;
  for (let after = -1; ; ) {
    const start = after;
    const piece = await db.transaction(function* () {
      const candidates = yield* rowsOf<{ id: number }>(
        sql`SELECT id FROM deleted_blocks WHERE id > ${start} AND ${isOld} ORDER BY id LIMIT ${PIECE}`,
      );
      const end = candidates.at(-1)?.id;
      if (end === undefined) return undefined;
      const dropped = yield* run(
        sql`DELETE FROM deleted_blocks WHERE id > ${start} AND id <= ${end} AND ${isOld}
          AND EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = deleted_blocks.uid)`,
      );
      return { end, candidates: candidates.length, left: candidates.length - dropped };
    });
    if (piece === undefined) return left;
    done += piece.candidates;
    left += piece.left;
    onSearched(Math.min(done, total), total);
    after = piece.end;
  }
}

/** See CleanupStore.doomCandidates. No transaction can name a blob at the same time. */
export function doomCandidates(db: SqlDatabase, minAgeSeconds: number, limit: number, prefix: string): Promise<string[]> {
  const { dialect } = db;
  return db.transaction(function* () {
    const found = yield* rowsOf<{ uid: string }>(unusedCandidates(db, { minAgeSeconds, prefix }, limit));
    const uids = found.map(({ uid }) => uid);
    yield* run(sql`INSERT INTO backy2_doomed (uid, time) SELECT uid, ${dialect.nowSeconds()} FROM ${dialect.uids(uids)}`);
    return uids;
  }, 'judging');
}

/** See CleanupStore.waitingBlobs. A blob may have several candidates: the last one counts. */
export async function waitingBlobs(db: SqlDatabase, minAgeSeconds: number, prefix: string): Promise<WaitingBlobs> {
  await db.makeSideTables();
  const { now } = await db.queryOne<{ now: number }>(sql`SELECT ${db.dialect.nowSeconds()} AS now`);
  const isYoung = sql`time > CAST(${now - minAgeSeconds} AS BIGINT)`;
  const waits = sql`${isYoung} AND uid IS NOT NULL AND substr(uid, 1, ${prefix.length}) = ${prefix}
    AND ${IS_FREE}
    AND NOT EXISTS (SELECT 1 FROM deleted_blocks AS later
      WHERE later.uid = deleted_blocks.uid AND later.id > deleted_blocks.id)`;
  let blobs = 0;
  let latest = now - minAgeSeconds;
  for (let after = -1; ; await nextTurn()) {
    const piece = await db.queryOne<{ last: number | null; blobs: number; latest: number | null }>(
      sql`SELECT max(id) AS last, count(*) FILTER (WHERE waits) AS blobs, max(time) FILTER (WHERE waits) AS latest
        FROM (SELECT id, time, (${waits}) AS waits FROM deleted_blocks WHERE id > ${after} ORDER BY id LIMIT ${PIECE}) AS piece`,
    );
    if (piece.last === null) return { blobs, seconds: latest + minAgeSeconds - now };
    blobs += piece.blobs;
    latest = Math.max(latest, piece.latest ?? latest);
    after = piece.last;
  }
}

/**
 * Candidates that no row names, and that are not doomed yet. A blob may have several: the removal
 * of the last version that had it counts.
 */
export function unusedCandidates(
  { dialect }: SqlDatabase,
  { minAgeSeconds, prefix }: { minAgeSeconds: number; prefix: string },
  limit: number,
): Sql {
  const latest = sql`${dialect.nowSeconds()} - CAST(${minAgeSeconds} AS BIGINT)`;
  return sql`SELECT DISTINCT uid FROM deleted_blocks
    WHERE time <= ${latest} AND uid IS NOT NULL
      AND substr(uid, 1, ${prefix.length}) = ${prefix}
      AND ${IS_FREE}
      AND NOT EXISTS (SELECT 1 FROM deleted_blocks AS later WHERE later.uid = deleted_blocks.uid AND later.time > ${latest})
    LIMIT ${limit}`;
}

/** See CleanupStore.leftDoomed. */
export function leftDoomed(db: SqlDatabase, limit: number): Promise<string[]> {
  return db.transaction(function* () {
    // The original does not know the table: a backup of it may name a doomed blob by now.
    yield* run(sql`DELETE FROM backy2_doomed WHERE EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = backy2_doomed.uid)`);
    const left = yield* rowsOf<{ uid: string }>(sql`SELECT uid FROM backy2_doomed LIMIT ${limit}`);
    return left.map(({ uid }) => uid);
  }, 'judging');
}

/** See CleanupStore.spareBlobs. */
export async function spareBlobs(db: SqlDatabase, uids: readonly string[]): Promise<void> {
  await db.transaction(() => run(sql`DELETE FROM backy2_doomed WHERE ${db.dialect.among(sql`uid`, uids)}`), 'judging');
}

/** See CleanupStore.forgetDoomed. */
export function forgetDoomed(db: SqlDatabase, uids: readonly string[]): Promise<void> {
  const isOne = db.dialect.among(sql`uid`, uids);
  return db.transaction(function* () {
    yield* run(sql`DELETE FROM backy2_imported WHERE ${isOne}`);
    yield* run(sql`DELETE FROM deleted_blocks WHERE ${isOne}`);
    yield* run(sql`DELETE FROM backy2_doomed WHERE ${isOne}`);
    yield* forgetChecks(db, uids);
    yield* run(bumpState('forgotten'));
  });
}

/** See CleanupStore.candidatesAmong. */
export async function candidatesAmong(db: SqlDatabase, uids: readonly string[]): Promise<string[]> {
  await db.makeSideTables();
  const rows = await db.query<{ uid: string }>(
    sql`SELECT uid FROM ${db.dialect.uids(uids)}
      WHERE EXISTS (SELECT 1 FROM deleted_blocks WHERE deleted_blocks.uid = wanted.uid)
        OR EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = wanted.uid)`,
  );
  return inOrderOf(uids, rows);
}

/** See CleanupStore.unnamed. */
export async function unnamed(db: SqlDatabase, uids: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ uid: string }>(
    sql`SELECT uid FROM ${db.dialect.uids(uids)} WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = wanted.uid)`,
  );
  return inOrderOf(uids, rows);
}

/** See CleanupStore.countFullCleanup. */
export async function countFullCleanup(db: SqlDatabase): Promise<void> {
  await db.transaction(() => run(bumpState('cleanups')));
}

/** See CleanupStore.fullCleanups. Makes no table, in a database of the original. */
export async function fullCleanups(db: SqlDatabase): Promise<number> {
  if ((await db.query(db.dialect.hasTable('backy2_state'))).length === 0) return 0;
  return db.read(() => readState('cleanups'));
}

function inOrderOf(uids: readonly string[], rows: readonly { uid: string }[]): string[] {
  const found = new Set(rows.map(({ uid }) => uid));
  return uids.filter((uid) => found.has(uid));
}
