import type { GoodBlob, Healing } from '../../model/blob.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { NOTHING_HEALED } from '../sql/good-blobs.ts';
import { bumpState } from '../sql/state.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { addCandidates, type BlobRecord, blobColumns, hasChecksum, insertBlobs } from './blobs.ts';
import { noteBlobs } from './catalogue-marks.ts';
import { toBytes, toText } from './hex-bytes.ts';
import { leafHash } from './leaf-sum.ts';
import { findHolders, usesOf } from './scan.ts';

/** See HealStore.heal. */
export async function heal(db: SqlDatabase, blobs: readonly GoodBlob[]): Promise<Healing> {
  return healingOf(db, await db.transaction(() => healBlobs(db, blobs), 'naming'));
}

/**
 * Those of the blobs that may replace others: usually none, which costs one look. Blobs that were
 * replaced have no checksum.
 */
export function* mayHeal(blobs: readonly GoodBlob[]): Steps<GoodBlob[]> {
  const bad = yield* rowsOf(sql`SELECT 1 AS one FROM backy2_blobs WHERE valid = 0 AND checksum IS NOT NULL LIMIT 1`);
  return bad.length > 0 ? [...blobs] : blobs.filter(({ replaces }) => replaces !== undefined);
}

/**
 * The same within the caller's transaction. The row of a bad blob gets the good one: all versions
 * are mended, and no leaf changes. The old blob gets a row of its own, which nothing names, without
 * a checksum, so that nobody heals it. @returns the rows, for {@link healingOf}.
 */
export function* healBlobs(db: SqlDatabase, blobs: readonly GoodBlob[]): Steps<Set<number>> {
  const healed = new Set<number>();
  const replaced: BlobRecord[] = [];
  const byUid = new Map(blobs.map((blob) => [blob.uid, blob]));
  for (const record of yield* replaceable(db, blobs)) {
    const blob = byUid.get(record.good);
    if (blob === undefined) continue;
    // Of two that heal the same row at once, one does.
    const changes = yield* run(
      sql`UPDATE backy2_blobs SET uid = ${blob.uid}, enc_version = ${blob.encVersion}, envkey = ${toBytes(blob.envKey)},
          nonce = ${toBytes(blob.nonce)}, valid = 1
        WHERE id = ${record.id} AND uid = ${record.uid}`,
    );
    if (changes === 0) continue;
    healed.add(record.id);
    replaced.push(record);
  }
  if (healed.size === 0) return healed;
  yield* keepOldBlobs(db, replaced);
  const checksums = blobs.map(({ checksum }) => checksum);
  yield* run(sql`DELETE FROM backy2_bad WHERE ${db.dialect.among(sql`checksum`, checksums)}`);
  yield* run(bumpState('heals'));
  yield* noteBlobs(db, [...healed]);
  return healed;
}

/** Rows that get another blob, each with the uid of that. One query for all. */
function* replaceable(db: SqlDatabase, blobs: readonly GoodBlob[]): Steps<(BlobRecord & { good: string })[]> {
  const keys = new Map(
    blobs.map(({ checksum, size, uid, replaces = uid }) => [
      `${uid} ${replaces}`,
      [toBytes(checksum) ?? '', size, uid, replaces] as const,
    ]),
  );
  const columns = blobColumns(db);
  return yield* db.dialect.each<BlobRecord & { good: string }>(
    [...keys.values()],
    (checksum, size, uid, replaces) =>
      sql`SELECT ${uid} AS good, ${columns} FROM backy2_blobs WHERE ${hasChecksum(checksum)} AND size = ${size}
        AND uid <> '' AND uid <> ${uid} AND (valid = 0 OR uid = ${replaces})`,
  );
}

function* keepOldBlobs(db: SqlDatabase, replaced: readonly BlobRecord[]): Steps<void> {
  const dead = new Map(replaced.map((record) => [record.uid, record]));
  const ids = yield* insertBlobs(
    db,
    [...dead.values()].map(({ uid, size, enc_version, envkey, nonce }) => ({
      ...{ uid, checksum: null, size, valid: false },
      ...{ encVersion: enc_version, envKey: toText(envkey), nonce: toText(nonce) },
    })),
  );
  yield* addCandidates(db, ids);
}

/**
 * The blocks and versions that have healed blobs. Reads all leaves if there are any: not within a
 * transaction, for which others would wait.
 */
export async function healingOf(db: SqlDatabase, healed: ReadonlySet<number>): Promise<Healing> {
  if (healed.size === 0) return NOTHING_HEALED;
  const found = await findHolders(db, await leafHash(), healed);
  const holders = new Map(found.map((holder) => [holder.leaf, holder.places.length]));
  const uses = await db.read(() => usesOf(db, [...holders.keys()]));
  return {
    blocks: uses.reduce((sum, { leaf }) => sum + (holders.get(leaf) ?? 0), 0),
    versions: [...new Set(uses.map(({ versionUid }) => versionUid))],
  };
}
