import type { UnusedRequest } from '../cleanup-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { bumpState } from '../sql/state.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { forgetChecks } from '../sql/verified-steps.ts';
import { hasUid, IS_UNUSED, UNUSED } from './blobs.ts';

/** A condition on a uid: some blob has it that is not known to be unused. */
export function isNamed(uid: Sql): Sql {
  return sql`EXISTS (SELECT 1 FROM backy2_blobs WHERE ${hasUid(uid)} AND NOT ${IS_UNUSED})`;
}

/** Which unused blobs to take. */
type UnusedBlobs = Pick<UnusedRequest, 'minAgeSeconds' | 'limit' | 'prefix'>;

/** Candidates that one statement looks at. */
const PIECE = 1_000;

/** Uids that only unused blobs have, and that are not doomed. */
export function unusedUids({ dialect }: SqlDatabase, { minAgeSeconds, limit, prefix }: UnusedBlobs): Sql {
  return sql`SELECT DISTINCT uid FROM backy2_candidates JOIN backy2_blobs ON backy2_blobs.id = blob
    WHERE scanned = ${UNUSED} AND time <= ${dialect.nowSeconds()} - CAST(${minAgeSeconds} AS BIGINT)
      AND substr(uid, 1, ${prefix.length}) = ${prefix} AND uid <> '' AND NOT ${isNamed(sql`backy2_blobs.uid`)}
      AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = backy2_blobs.uid) LIMIT ${limit}`;
}

/**
 * See CleanupStore.doomCandidates. The bytes of a uid go only with the last blob that has it: of
 * other unused blobs, just the rows go.
 */
export async function doomCandidates(db: SqlDatabase, minAgeSeconds: number, limit: number, prefix: string): Promise<string[]> {
  for (;;) {
    const { uids, found } = await db.transaction(() => doomSome(db, { minAgeSeconds, limit, prefix }), 'judging');
    if (uids.length > 0 || found === 0) return uids;
  }
}

function* doomSome(db: SqlDatabase, request: UnusedBlobs): Steps<{ uids: string[]; found: number }> {
  const { dialect } = db;
  const found = yield* findUnused(db, request);
  const all = [...new Set(found.flatMap(({ uid }) => uid ?? []))].filter((uid) => uid !== '');
  const named = yield* rowsOf<{ uid: string }>(sql`SELECT uid FROM ${dialect.uids(all)} WHERE ${isNamed(sql`wanted.uid`)}`);
  const isShared = new Set(named.map(({ uid }) => uid));
  const uids = all.filter((uid) => !isShared.has(uid));
  const withoutBytes = found.filter(({ uid }) => uid === null || uid === '' || isShared.has(uid));
  yield* forgetBlobs(
    db,
    withoutBytes.map(({ blob }) => blob),
  );
  yield* run(sql`INSERT INTO backy2_doomed (uid, time) SELECT uid, ${dialect.nowSeconds()} FROM ${dialect.uids(uids)}`);
  return { uids, found: found.length };
}

interface UnusedBlob {
  blob: number;
  uid: string | null;
}

/** Unused blobs that are not doomed. In pieces: PostgreSQL would look up all of them otherwise. */
function* findUnused({ dialect }: SqlDatabase, { minAgeSeconds, limit, prefix }: UnusedBlobs): Steps<UnusedBlob[]> {
  const found: UnusedBlob[] = [];
  for (let after = 0; ; ) {
    const piece = yield* rowsOf<UnusedBlob & { doomed: number }>(
      sql`SELECT blob, uid, CASE WHEN EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = piece.uid) THEN 1 ELSE 0 END AS doomed
        FROM (SELECT blob, (SELECT uid FROM backy2_blobs WHERE id = blob) AS uid FROM backy2_candidates
          WHERE scanned = ${UNUSED} AND blob > ${after} AND time <= ${dialect.nowSeconds()} - CAST(${minAgeSeconds} AS BIGINT)
          ORDER BY blob LIMIT ${PIECE}) AS piece ORDER BY blob`,
    );
    for (const { blob, uid, doomed } of piece)
      if (doomed === 0 && (uid ?? '').startsWith(prefix) && found.length < limit) found.push({ blob, uid });
    const end = piece.at(-1);
    if (end === undefined || found.length >= limit) return found;
    after = end.blob;
  }
}

function* forgetBlobs({ dialect }: SqlDatabase, blobs: readonly number[]): Steps<void> {
  yield* run(sql`DELETE FROM backy2_blobs WHERE ${dialect.among(sql`id`, blobs)}`);
  yield* run(sql`DELETE FROM backy2_candidates WHERE ${dialect.among(sql`blob`, blobs)}`);
}

/** See CleanupStore.leftDoomed. An import may name a doomed blob, as a bad one. */
export function leftDoomed(db: SqlDatabase, limit: number): Promise<string[]> {
  return db.transaction(function* () {
    yield* run(sql`DELETE FROM backy2_doomed WHERE ${isNamed(sql`backy2_doomed.uid`)}`);
    const left = yield* rowsOf<{ uid: string }>(sql`SELECT uid FROM backy2_doomed LIMIT ${limit}`);
    return left.map(({ uid }) => uid);
  }, 'judging');
}

/** See CleanupStore.spareBlobs. The next search looks at them again. */
export async function spareBlobs(db: SqlDatabase, uids: readonly string[]): Promise<void> {
  const { dialect } = db;
  await db.transaction(function* () {
    yield* run(
      sql`UPDATE backy2_candidates SET scanned = 0 WHERE scanned = ${UNUSED}
        AND blob IN (SELECT id FROM ${dialect.uids(uids)} JOIN backy2_blobs ON ${hasUid(sql`wanted.uid`)})`,
    );
    yield* run(sql`DELETE FROM backy2_doomed WHERE ${dialect.among(sql`uid`, uids)}`);
  }, 'judging');
}

/**
 * See CleanupStore.forgetDoomed. A full cleanup dooms nothing: its blobs are unused. No import can
 * name a row at the same time, as a bad one.
 */
export function forgetDoomed(db: SqlDatabase, uids: readonly string[]): Promise<void> {
  const { dialect } = db;
  return db.transaction(function* () {
    const gone = yield* rowsOf<{ id: number }>(
      sql`SELECT id FROM ${dialect.uids(uids)} JOIN backy2_blobs ON ${hasUid(sql`wanted.uid`)} WHERE ${IS_UNUSED}`,
    );
    yield* forgetBlobs(
      db,
      gone.map(({ id }) => id),
    );
    const isOne = dialect.among(sql`uid`, uids);
    yield* run(sql`DELETE FROM backy2_imported WHERE ${isOne}`);
    yield* run(sql`DELETE FROM backy2_doomed WHERE ${isOne}`);
    yield* forgetChecks(db, uids);
    yield* run(bumpState('forgotten'));
  }, 'judging');
}
