import type { GoodBlob, Healing } from '../../model/blob.ts';
import type { BlockRow } from '../../model/block.ts';
import { BLOCK_COLUMNS, type BlockRecord, toBlockRow } from '../sql/rows.ts';
import { IS_ID } from './blocks.ts';
import type { SqliteConnection } from './connection.ts';
import { bumpState } from './state.ts';

/** Ids that are looked through with one statement: a tenth of a second. */
const WINDOW_IDS = 25_000;

const BAD = "checksum = ? AND size = ? AND uid <> '' AND uid <> ? AND (valid = 0 OR uid = ?)";

/** See HealStore.heal, within the caller's transaction. Where nothing is bad: one look into the index for each blob. */
export function healRows(connection: SqliteConnection, blobs: readonly GoodBlob[], nowSeconds: number): Healing {
  const find = connection.prepare(`SELECT version_uid AS version, uid FROM blocks WHERE ${BAD}`);
  const versions = new Set<string>();
  let blocks = 0;
  for (const blob of blobs) {
    const where = [blob.checksum, blob.size, blob.uid, blob.replaces ?? null];
    const rows = find.all(...where) as { version: string; uid: string }[];
    if (rows.length === 0) continue;
    connection
      .prepare(
        `INSERT INTO deleted_blocks (uid, size, delete_candidate, time) SELECT DISTINCT uid, size, 0, ? FROM blocks WHERE ${BAD}`,
      )
      .run(nowSeconds, ...where);
    connection
      .prepare(`UPDATE blocks SET uid = ?, enc_version = ?, enc_envkey = ?, enc_nonce = ?, valid = 1 WHERE ${BAD}`)
      .run(blob.uid, blob.encVersion, blob.envKey, blob.nonce, ...where);
    for (const row of rows) versions.add(row.version);
    blocks += rows.length;
  }
  if (blocks > 0) {
    const forget = connection.prepare('DELETE FROM backy2_bad WHERE checksum = ?');
    for (const { checksum } of blobs) forget.run(checksum);
    // A take-over has copies of rows as they were.
    bumpState(connection, 'heals');
  }
  return { blocks, versions: [...versions] };
}

/** Those of `blobs` whose content is known to be bad somewhere: usually none, and then one look into an empty table. */
export function knownBad(connection: SqliteConnection, blobs: readonly GoodBlob[]): GoodBlob[] {
  if (connection.prepare('SELECT 1 FROM backy2_bad LIMIT 1').get() === undefined) return [];
  const isBad = connection.prepare('SELECT 1 FROM backy2_bad WHERE checksum = ?');
  return blobs.filter(({ checksum }) => isBad.get(checksum) !== undefined);
}

/** See HealStore.validateWhole. */
export async function validateWhole(connection: SqliteConnection, versionUids: readonly string[]): Promise<string[]> {
  const validated: string[] = [];
  for (const uid of versionUids) {
    const changes = await connection.write(
      () =>
        connection
          .prepare(
            `UPDATE versions SET valid = 1 WHERE uid = ? AND valid = 0
             AND NOT EXISTS (SELECT 1 FROM backy2_progress WHERE version_uid = versions.uid)
             AND NOT EXISTS (SELECT 1 FROM backy2_migrations WHERE version_uid = versions.uid)
             AND size = (SELECT count(*) FROM blocks WHERE version_uid = versions.uid)
             AND NOT EXISTS (SELECT 1 FROM blocks WHERE version_uid = versions.uid
               AND (valid = 0 OR typeof(id) <> 'integer' OR id < 0 OR id >= versions.size))`,
          )
          .run(uid).changes,
    );
    if (changes > 0) validated.push(uid);
  }
  return validated;
}

/** See HealStore.badBlockPage. */
export function badBlockPage(
  connection: SqliteConnection,
  { versionUid, afterId, limit }: { versionUid: string; afterId: number; limit: number },
): BlockRow[] {
  const end = connection.prepare(`SELECT max(id) AS id FROM blocks WHERE version_uid = ? AND ${IS_ID}`).get(versionUid) as {
    id: number | null;
  };
  const page = connection.prepare(
    `SELECT ${BLOCK_COLUMNS} FROM blocks WHERE version_uid = ? AND id > ? AND id <= ? AND ${IS_ID} AND valid = 0 AND uid <> '' ORDER BY id LIMIT ?`,
  );
  for (let after = afterId; after < (end.id ?? -1); after += WINDOW_IDS) {
    const rows = page.all(versionUid, after, after + WINDOW_IDS, limit) as BlockRecord[];
    if (rows.length > 0) return rows.map(toBlockRow);
  }
  return [];
}
