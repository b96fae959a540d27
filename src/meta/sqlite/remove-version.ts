import type { SqliteConnection } from './connection.ts';
import { inPieces } from './pieces.ts';
import { statementBuilder } from './statement-builder.ts';
import { updateVersion } from './versions.ts';

/** Rows that are staged at a time: bounds the temporary space. */
const STAGED_ROWS = 2_500_000;

/**
 * See VersionStore.removeVersion. Rows go in the order of their checksums, for the same reason as in takeOver: the index on
 * checksums is then walked once instead of being hit all over in every piece.
 */
export async function removeVersion(
  connection: SqliteConnection,
  uid: string,
  nowSeconds: () => number,
  onProgress: (rowsRemoved: number) => void,
): Promise<number> {
  await updateVersion(connection, uid, { valid: 0 });
  const removed = await connection.bulk(async () => {
    let total = 0;
    for (let staged = stageRows(connection, uid); staged > 0; staged = stageRows(connection, uid)) {
      const before = total;
      await inPieces(connection, staged, ({ after, upTo }) => {
        // Healing could have found the version whole in between.
        connection.prepare('UPDATE versions SET valid = 0 WHERE uid = ?').run(uid);
        removePiece(connection, { after, upTo, nowSeconds: nowSeconds() });
        total = before + upTo;
        onProgress(total);
      });
    }
    connection.execTemporary('DROP TABLE temp.going');
    return total;
  });
  const build = await statementBuilder();
  await connection.write(() => {
    for (const table of ['tags', 'backy2_progress', 'backy2_migrations'])
      connection.run(build(table).where('version_uid', uid).delete());
    connection.run(build('versions').where('uid', uid).delete());
    connection.exec('DELETE FROM backy2_bad WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.checksum = backy2_bad.checksum)');
  });
  return removed;
}

function stageRows(connection: SqliteConnection, uid: string): number {
  connection.execTemporary('DROP TABLE IF EXISTS temp.going');
  connection.execTemporary('CREATE TEMPORARY TABLE going (n INTEGER PRIMARY KEY, row INTEGER, uid TEXT, size INTEGER)');
  return connection.stage(
    `INSERT INTO temp.going SELECT NULL, row, uid, size FROM
       (SELECT rowid AS row, uid, size, checksum FROM blocks WHERE version_uid = ? ORDER BY id LIMIT ?) ORDER BY checksum`,
    [uid, STAGED_ROWS],
  );
}

const PIECE = 'FROM temp.going WHERE n > ? AND n <= ?';

function removePiece(
  connection: SqliteConnection,
  { after, upTo, nowSeconds }: { after: number; upTo: number; nowSeconds: number },
): void {
  connection
    .prepare(
      `INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
       SELECT uid, max(size), 0, ? ${PIECE} AND uid IS NOT NULL AND uid <> '' GROUP BY uid`,
    )
    .run(nowSeconds, after, upTo);
  connection.prepare(`DELETE FROM blocks WHERE rowid IN (SELECT row ${PIECE})`).run(after, upTo);
}
