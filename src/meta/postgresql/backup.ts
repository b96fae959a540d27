import { type DedupKey, dedupKey, type FoundBlob } from '../../model/blob.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { BackupGroup, CommitOutcome } from '../backup-store.ts';
import { goodBlobs, NOTHING_HEALED } from '../sql/good-blobs.ts';
import { sql } from '../sql/statement.ts';
import { countersUpsert } from '../sql/version-steps.ts';
import { insertFound, insertNew, insertSparse } from './block-inserts.ts';
import type { PostgresConnection } from './connection.ts';
import { healRows, knownBad } from './heal.ts';
import { arrayOf } from './literals.ts';

/** See BackupStore.findBlobs. One statement, with one look into the index for each key. */
export async function findBlobs(
  connection: PostgresConnection,
  keys: readonly DedupKey[],
  encVersion: number,
): Promise<Map<string, FoundBlob>> {
  await connection.makeSideTables();
  const checksums = arrayOf(keys.map((key) => key.checksum));
  const sizes = arrayOf(keys.map((key) => key.size));
  const rows = await connection.query<Omit<FoundBlob, 'imported'> & DedupKey & { imported: boolean }>(
    sql`SELECT wanted.checksum, wanted.size, found.* FROM unnest(${checksums}::text[], ${sizes}::bigint[]) AS wanted(checksum, size)
      CROSS JOIN LATERAL (
        SELECT uid, enc_envkey AS "envKey", enc_nonce AS nonce,
          EXISTS (SELECT 1 FROM backy2_imported AS i WHERE i.uid = blocks.uid AND i.checksum = blocks.checksum) AS imported
        FROM blocks WHERE checksum = wanted.checksum AND blocks.size = wanted.size AND enc_version = ${encVersion} AND valid = 1
          AND uid <> '' AND NOT EXISTS (SELECT 1 FROM backy2_doomed WHERE backy2_doomed.uid = blocks.uid) LIMIT 1
      ) AS found`,
  );
  return new Map(
    rows.map(({ checksum, size, uid, envKey, nonce, imported }) => [
      dedupKey({ checksum, size }),
      { uid, envKey, nonce, ...(imported ? { imported } : {}) },
    ]),
  );
}

/** See BackupStore.commitGroup. */
export function commitGroup(
  connection: PostgresConnection,
  versionUid: string,
  group: BackupGroup,
  geometry: Geometry,
): Promise<CommitOutcome> {
  const to = { versionUid, geometry, date: toStoredDate(connection.now()) };
  const found = group.rows.filter((row) => row.found);
  const stored = group.rows.filter((row) => !row.found);
  return connection.write(
    async (session) => {
      const known = stored.length > 0 ? await insertNew(session, stored, to) : new Set<string>();
      // After the others: a block may have been found in the same group.
      const refused = found.length > 0 ? await insertFound(session, found, to) : [];
      if (group.sparse.length > 0) await insertSparse(session, group.sparse, to);
      await session.run(countersUpsert(versionUid, group.counters(refused)));
      if (group.heals !== true) return { refused, healing: NOTHING_HEALED };
      const good = goodBlobs(group.rows, refused);
      const fresh = good.fresh.filter(({ checksum }) => known.has(checksum));
      return { refused, healing: await healRows(session, [...fresh, ...(await knownBad(session, good.found))]) };
    },
    { exclusion: 'naming' },
  );
}
