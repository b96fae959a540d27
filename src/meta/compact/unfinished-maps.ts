import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run } from '../sql/steps.ts';
import type { LeafHash } from './leaf-sum.ts';
import { removePiece } from './versions.ts';

/**
 * Removes maps whose version is missing; their blobs become candidates. @param versionUid the
 * version; undefined: those of imports that were killed, and no import may run. Maps with a digest
 * stay then: damage has taken their version, and an import can bring it back.
 */
export async function removeUnfinishedMaps(db: SqlDatabase, hash: LeafHash, versionUid?: string): Promise<void> {
  const which = versionUid === undefined ? sql`digest IS NULL` : sql`version_uid = ${versionUid}`;
  for (let isGone = false; !isGone; ) {
    isGone = await db.transaction(function* () {
      const [found] = yield* rowsOf<{ map: number; versionUid: string }>(
        sql`SELECT id AS map, version_uid AS "versionUid" FROM backy2_maps
          WHERE ${which} AND NOT EXISTS (SELECT 1 FROM versions WHERE uid = version_uid) ORDER BY id LIMIT 1`,
      );
      if (found === undefined) return true;
      if ((yield* removePiece(db, hash, found)).leaves > 0) return false;
      yield* run(sql`DELETE FROM backy2_maps WHERE id = ${found.map}`);
      return false;
    }, 'judging');
  }
}
