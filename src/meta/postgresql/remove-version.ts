import type { NameMemory } from '../name-store.ts';
import { noteWhole } from '../sql/catalogue-marks.ts';
import { FIRST_PIECE, nextPieceSize } from '../sql/piece-size.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import { run } from '../sql/steps.ts';
import { removeEmptyVersion } from '../sql/version-steps.ts';
import { setVersionInvalid } from '../sql/versions.ts';
import type { PostgresConnection } from './connection.ts';
import { deleteBlocks } from './dialect.ts';

const BELOW_ALL_IDS = -(2 ** 31) - 1;

/** See VersionStore.removeVersion. */
export async function removeVersion(
  connection: PostgresConnection,
  uid: string,
  onProgress: (rowsRemoved: number) => void,
  memory?: NameMemory,
): Promise<number> {
  await setVersionInvalid(connection, uid);
  let removed = 0;
  // Damaged rows may have ids below 0.
  for (let size = FIRST_PIECE, after = BELOW_ALL_IDS; ; ) {
    const start = performance.now();
    const above = sql`version_uid = ${uid} AND id > ${after}::bigint`;
    const { last } = await connection.queryOne<{ last: number | null }>(
      sql`SELECT max(id) AS last FROM (SELECT id FROM blocks WHERE ${above} ORDER BY id LIMIT ${size}) AS piece`,
    );
    if (last === null) break;
    removed += await connection.transaction(function* () {
      // Healing could have made the version valid in between.
      yield* run(sql`UPDATE versions SET valid = 0 WHERE uid = ${uid}`);
      yield* noteWhole(uid);
      return yield* deleteBlocks(sql`${above} AND id <= ${last}`);
    });
    onProgress(removed);
    after = last;
    size = nextPieceSize(size, performance.now() - start);
  }
  const build = await statementBuilder();
  await connection.transaction(() => removeEmptyVersion(connection, build, { uid, memory }));
  return removed;
}
