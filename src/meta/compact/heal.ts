import type { GoodBlob, Healing } from '../../model/blob.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { bumpState } from '../sql/state.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { addCandidates, BLOB_COLUMNS, type BlobRecord, hasChecksum, insertBlobs } from './blobs.ts';
import { toBytes, toText } from './hex-bytes.ts';
import { type LeafHash, leafHash } from './leaf-sum.ts';
import { holdersOf, usesOf } from './scan.ts';

/** See HealStore.heal. */
export async function heal(db: SqlDatabase, blobs: readonly GoodBlob[]): Promise<Healing> {
  const hash = await leafHash();
  return db.transaction(() => healBlobs(db, hash, blobs), 'naming');
}

/** Those of the blobs that may replace others: usually none, which costs one look. */
export function* mayHeal(blobs: readonly GoodBlob[]): Steps<GoodBlob[]> {
  const bad = yield* rowsOf(sql`SELECT 1 AS one FROM backy2_blobs WHERE valid = 0 LIMIT 1`);
  return bad.length > 0 ? [...blobs] : blobs.filter(({ replaces }) => replaces !== undefined);
}

/**
 * The same within the caller's transaction. The row of a bad blob gets the good one: all versions
 * are mended, and no leaf changes. The old blob gets a row of its own, which nothing names, without
 * a checksum, so that nobody heals it. Reads all leaves if any blob is replaced.
 */
export function* healBlobs(db: SqlDatabase, hash: LeafHash, blobs: readonly GoodBlob[]): Steps<Healing> {
  const healed = new Set<number>();
  const replaced: BlobRecord[] = [];
  for (const blob of blobs) {
    const bad = yield* db.dialect.each<BlobRecord>(
      [[toBytes(blob.checksum) ?? '', blob.size, blob.uid, blob.replaces ?? blob.uid]],
      (checksum, size, uid, replaces) =>
        sql`SELECT ${BLOB_COLUMNS} FROM backy2_blobs WHERE ${hasChecksum(checksum)} AND size = ${size}
          AND uid <> '' AND uid <> ${uid} AND (valid = 0 OR uid = ${replaces})`,
    );
    for (const record of bad) {
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
  }
  if (healed.size === 0) return { blocks: 0, versions: [] };
  yield* keepOldBlobs(db, replaced);
  for (const { checksum } of blobs) yield* run(sql`DELETE FROM backy2_bad WHERE checksum = ${checksum}`);
  yield* run(bumpState('heals'));
  return yield* healingOf(db, hash, healed);
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

function* healingOf(db: SqlDatabase, hash: LeafHash, healed: ReadonlySet<number>): Steps<Healing> {
  const holders = new Map((yield* holdersOf(db, hash, healed)).map((holder) => [holder.leaf, holder.places.length]));
  const uses = yield* usesOf(db, [...holders.keys()]);
  return {
    blocks: uses.reduce((sum, { leaf }) => sum + (holders.get(leaf) ?? 0), 0),
    versions: [...new Set(uses.map(({ versionUid }) => versionUid))],
  };
}
