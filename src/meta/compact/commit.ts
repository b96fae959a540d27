import { type DedupKey, dedupKey, type FoundBlob } from '../../model/blob.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { BackupGroup, CommitOutcome } from '../backup-store.ts';
import type { SqlDatabase } from '../sql/database.ts';
import { goodBlobs } from '../sql/good-blobs.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { countersUpsert } from '../sql/version-steps.ts';
import { asHex, hasChecksum, IS_USABLE } from './blobs.ts';
import { Changes } from './changes.ts';
import { forgetDigest } from './checks.ts';
import { healBlobs, healingOf, mayHeal } from './heal.ts';
import { toBytes, toText } from './hex-bytes.ts';
import { ZERO } from './leaf.ts';
import { leafHash } from './leaf-sum.ts';
import { isOdd, mapOf, type VersionMap } from './maps.ts';
import { nameBlobs } from './named-blobs.ts';

/** See BackupStore.findBlobs. One look into the index for each key. */
export async function findBlobs(db: SqlDatabase, keys: readonly DedupKey[], encVersion: number): Promise<Map<string, FoundBlob>> {
  await db.makeSideTables();
  const wanted = keys.map(({ checksum, size }, place) => [toBytes(checksum) ?? '', size, place]);
  const rows = await db.queryEach<FoundRecord>(
    wanted,
    (checksum, size, place) =>
      sql`SELECT ${place} AS place, uid, ${asHex(db, sql`envkey`)}, ${asHex(db, sql`nonce`)}, CASE WHEN EXISTS
          (SELECT 1 FROM backy2_imported AS i WHERE i.uid = backy2_blobs.uid
            AND i.checksum = ${db.dialect.toHex(sql`backy2_blobs.checksum`)}) THEN 1 ELSE 0 END AS imported
        FROM backy2_blobs WHERE ${hasChecksum(checksum)} AND size = ${size} AND enc_version = ${encVersion} AND valid = 1 AND uid <> ''
          AND ${IS_USABLE} LIMIT 1`,
  );
  return new Map(
    rows.map(({ place, uid, envkey, nonce, imported }) => [
      dedupKey(keys[place] as DedupKey),
      { uid, envKey: toText(envkey), nonce: toText(nonce), ...(imported === 1 ? { imported: true } : {}) },
    ]),
  );
}

/** A blob as a driver gives it, with the place of its key. Bytes are hex. */
interface FoundRecord {
  place: number;
  uid: string;
  envkey: string | null;
  nonce: string | null;
  imported: number;
}

/**
 * See BackupStore.commitGroup. Writes the rows of new blobs in the order of blocks, so that leaves
 * have few extents, and each leaf that has new blocks.
 */
export async function commitGroup(
  db: SqlDatabase,
  versionUid: string,
  group: BackupGroup,
  geometry: Geometry,
): Promise<CommitOutcome> {
  const hash = await leafHash();
  const { refused, healed } = await db.transaction(function* () {
    const map = yield* mapFor(versionUid, geometry);
    const { named, refused } = yield* nameBlobs(db, map, group.rows);
    const changes = new Changes();
    for (const { row, block } of named) changes.set(row.id, block, block !== ZERO && isOdd(map, row));
    for (const range of group.sparse) changes.setZeros(range);
    yield* changes.write(db, hash, map);
    yield* run(countersUpsert(versionUid, group.counters(refused)));
    if (group.heals !== true) return { refused, healed: new Set<number>() };
    const { fresh, found } = goodBlobs(group.rows, refused);
    return { refused, healed: yield* healBlobs(db, yield* mayHeal([...fresh, ...found])) };
  }, 'naming');
  return { refused, healing: await healingOf(db, healed) };
}

/** The map of a version that gets blocks. The first of them tell its block size. */
export function* mapFor(versionUid: string, { blockSize }: Geometry): Steps<VersionMap> {
  const map = yield* mapOf(versionUid);
  if (map === undefined) throw new Error(`no map of version ${versionUid}`);
  yield* forgetDigest(map);
  if (map.blockSize === blockSize) return map;
  if (map.blockSize !== null) throw new Error(`version ${versionUid} has blocks of ${map.blockSize} bytes, not ${blockSize}`);
  yield* rowsOf(sql`UPDATE backy2_maps SET block_size = ${blockSize} WHERE id = ${map.map} RETURNING id`);
  return { ...map, blockSize };
}
