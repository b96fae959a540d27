import type { NameMemory } from '../name-store.ts';
import { noteWhole } from '../sql/catalogue-marks.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import { removeEmptyVersion } from '../sql/version-steps.ts';
import { setVersionInvalid } from '../sql/versions.ts';
import { BLOCKS_BY_KEY } from './blocks-by-key.ts';
import type { SqliteConnection } from './connection.ts';
import { inPieces, type StagedPiece } from './pieces.ts';
import { OTHER_ID, refuseStagedOther } from './staged-other.ts';

/** Rows that are staged at a time: limits the temporary space. */
const STAGED_ROWS = 2_500_000;
/** On a disk that is nearly full, rows are staged in memory: 10 MB. */
const STAGED_IN_MEMORY = 100_000;

/**
 * See VersionStore.removeVersion. Removes rows in the order of their checksums, for the same reason
 * as takeOver: it walks the index on checksums once, instead of hitting all of it in every piece.
 */
export async function removeVersion(
  connection: SqliteConnection,
  uid: string,
  onProgress: (rowsRemoved: number) => void,
  memory?: NameMemory,
): Promise<number> {
  await setVersionInvalid(connection, uid);
  const removed = await connection.bulk(async () => {
    let total = 0;
    for (let staged = stageRows(connection, uid); staged > 0; staged = stageRows(connection, uid)) {
      const before = total;
      await inPieces(connection, { rows: staged, canShrink: true }, ({ after, upTo }) => {
        // Healing could have made the version valid in between.
        connection.run(sql`UPDATE versions SET valid = 0 WHERE uid = ${uid}`);
        connection.play(noteWhole(uid));
        removePiece(connection, { after, upTo });
        total = before + upTo;
        onProgress(total);
      });
    }
    connection.exec('DROP TABLE temp.going');
    return total;
  });
  const build = await statementBuilder();
  await connection.transaction(() => removeEmptyVersion(connection, build, { uid, memory }));
  return removed;
}

function stageRows(connection: SqliteConnection, uid: string): number {
  const isShort = connection.isShortOfRoom();
  connection.exec('DROP TABLE IF EXISTS temp.going');
  connection.exec(isShort ? 'PRAGMA temp_store = MEMORY' : 'PRAGMA temp_store = FILE');
  connection.exec('CREATE TEMPORARY TABLE going (n INTEGER PRIMARY KEY, row INTEGER, uid TEXT, size INTEGER, other TEXT)');
  const rows = connection.stage(
    sql`INSERT INTO temp.going SELECT NULL, row, uid, size, other FROM
      (SELECT row_id AS row, uid, size, checksum, ${OTHER_ID} AS other FROM ${BLOCKS_BY_KEY}
       WHERE version_uid = ${uid} ORDER BY id LIMIT ${isShort ? STAGED_IN_MEMORY : STAGED_ROWS})
      ORDER BY other DESC, checksum`,
  );
  // It would be removed instead.
  refuseStagedOther(connection, sql`temp.going`, uid);
  return rows;
}

function removePiece(connection: SqliteConnection, { after, upTo }: StagedPiece): void {
  const piece = sql`FROM temp.going WHERE n > ${after} AND n <= ${upTo}`;
  connection.run(
    sql`INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
      SELECT uid, max(size), 0, ${connection.dialect.nowSeconds()} ${piece} AND uid <> '' GROUP BY uid`,
  );
  connection.run(sql`DELETE FROM blocks WHERE rowid IN (SELECT row ${piece})`);
}
