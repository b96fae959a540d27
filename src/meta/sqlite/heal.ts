import type { GoodBlob, Healing } from '../../model/blob.ts';
import { ChangedLeaves } from '../sql/catalogue-marks.ts';
import { bumpState } from '../sql/state.ts';
import { BLOCKS_BY_CHECKSUM } from './blocks-by-checksum.ts';
import type { SqliteConnection } from './connection.ts';

const BAD = `rowid IN (SELECT blocks.rowid FROM ${BLOCKS_BY_CHECKSUM}
  AND blocks.size = ? AND blocks.uid <> '' AND blocks.uid <> ? AND (blocks.valid = 0 OR blocks.uid = ?))`;

/** See HealStore.heal. */
export function heal(connection: SqliteConnection, blobs: readonly GoodBlob[]): Promise<Healing> {
  return connection.write(() => healRows(connection, blobs));
}

/**
 * The same within the caller's transaction. Where nothing is bad, this costs one index lookup for
 * each blob.
 */
export function healRows(connection: SqliteConnection, blobs: readonly GoodBlob[]): Healing {
  const nowSeconds = Math.floor(connection.now().getTime() / 1000);
  const find = connection.prepare(`SELECT version_uid AS version, id FROM blocks WHERE ${BAD}`);
  const versions = new Set<string>();
  const changed = new ChangedLeaves();
  let blocks = 0;
  for (const blob of blobs) {
    const where = [blob.checksum, blob.size, blob.uid, blob.replaces ?? null];
    const rows = find.all(...where) as { version: string; id: number }[];
    if (rows.length === 0) continue;
    connection
      .prepare(
        `INSERT INTO deleted_blocks (uid, size, delete_candidate, time) SELECT DISTINCT uid, size, 0, ? FROM blocks WHERE ${BAD}`,
      )
      .run(nowSeconds, ...where);
    connection
      .prepare(`UPDATE blocks SET uid = ?, enc_version = ?, enc_envkey = ?, enc_nonce = ?, valid = 1 WHERE ${BAD}`)
      .run(blob.uid, blob.encVersion, blob.envKey, blob.nonce, ...where);
    for (const { version, id } of rows) {
      versions.add(version);
      changed.add(version, id);
    }
    blocks += rows.length;
  }
  if (blocks > 0) {
    const forget = connection.prepare('DELETE FROM backy2_bad WHERE checksum = ?');
    for (const { checksum } of blobs) forget.run(checksum);
    // A take-over may have copies of the old rows.
    connection.run(bumpState('heals'));
    connection.play(changed.note(connection));
  }
  return { blocks, versions: [...versions] };
}

/**
 * Those of `blobs`, which all have a row, whose content has further rows that may be bad. Looks at
 * the index alone, which for new contents takes two thirds of the time of {@link healRows}.
 */
export function severalRows(connection: SqliteConnection, blobs: readonly GoodBlob[]): GoodBlob[] {
  const second = connection.prepare('SELECT 1 FROM blocks WHERE checksum = ? LIMIT 1 OFFSET 1');
  return blobs.filter(({ checksum }) => second.get(checksum) !== undefined);
}

/**
 * Those of `blobs` whose content is known to be bad somewhere: usually none, which costs one lookup
 * in an empty table.
 */
export function knownBad(connection: SqliteConnection, blobs: readonly GoodBlob[]): GoodBlob[] {
  if (connection.prepare('SELECT 1 FROM backy2_bad LIMIT 1').get() === undefined) return [];
  const isBad = connection.prepare('SELECT 1 FROM backy2_bad WHERE checksum = ?');
  return blobs.filter(({ checksum }) => isBad.get(checksum) !== undefined);
}
