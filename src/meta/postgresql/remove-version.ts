import { FIRST_PIECE, nextPieceSize } from '../sql/piece-size.ts';
import { sql } from '../sql/sql-text.ts';
import { deleteBlocks } from './backup.ts';
import type { PostgresConnection } from './connection.ts';
import { statementBuilder } from './statement-builder.ts';
import { updateVersion } from './versions.ts';

const BELOW_ALL_IDS = -(2 ** 31) - 1;

/** See VersionStore.removeVersion. */
export async function removeVersion(
  connection: PostgresConnection,
  uid: string,
  onProgress: (rowsRemoved: number) => void,
): Promise<number> {
  await updateVersion(connection, uid, { valid: 0 });
  let removed = 0;
  // Damaged rows may have ids below 0.
  for (let size = FIRST_PIECE, after = BELOW_ALL_IDS; ; ) {
    const start = performance.now();
    const last = await lastOfPiece(connection, uid, after, size);
    if (last === null) break;
    removed += await connection.write(async (session) => {
      // Healing could have found the version whole in between.
      await session.run('UPDATE versions SET valid = 0 WHERE uid = $1', [uid]);
      return deleteBlocks(session, sql`version_uid = $1 AND id > $2::bigint AND id <= $3`, [uid, after, last]);
    });
    onProgress(removed);
    after = last;
    size = nextPieceSize(size, performance.now() - start);
  }
  const build = await statementBuilder();
  await connection.write(async (session) => {
    for (const table of ['tags', 'backy2_progress', 'backy2_migrations'])
      await session.runBuilt(build(table).where('version_uid', uid).delete());
    await session.runBuilt(build('versions').where('uid', uid).delete());
    await session.run(
      'DELETE FROM backy2_bad WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.checksum = backy2_bad.checksum)',
    );
  });
  return removed;
}

/** The id that ends the next piece; null when there are no rows. */
async function lastOfPiece(connection: PostgresConnection, uid: string, after: number, size: number): Promise<number | null> {
  const { last } = await connection.queryOne<{ last: number | null }>(
    'SELECT max(id) AS last FROM (SELECT id FROM blocks WHERE version_uid = $1 AND id > $2::bigint ORDER BY id LIMIT $3) AS piece',
    [uid, after, size],
  );
  return last;
}
