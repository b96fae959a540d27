import type { SqlDatabase } from '../sql/database.ts';
import { sql } from '../sql/statement.ts';
import { rowsOf, run } from '../sql/steps.ts';
import type { LeafHash } from './leaf-sum.ts';
import { removePiece } from './versions.ts';

/**
 * Removes maps whose version is missing: those of imports that were killed. Their blobs become
 * candidates. @param versionUid the version; undefined: any. No import may run then.
 */
export async function removeUnfinishedMaps(db: SqlDatabase, hash: LeafHash, versionUid?: string): Promise<void> {
  const ofVersion = versionUid === undefined ? sql`` : sql`AND version_uid = ${versionUid}`;
  for (let isGone = false; !isGone; ) {
    isGone = await db.transaction(function* () {
      const [found] = yield* rowsOf<{ map: number; versionUid: string }>(
        sql`SELECT id AS map, version_uid AS "versionUid" FROM backy2_maps
          WHERE NOT EXISTS (SELECT 1 FROM versions WHERE uid = version_uid) ${ofVersion} ORDER BY id LIMIT 1`,
      );
      if (found === undefined) return true;
      if ((yield* removePiece(db, hash, found)).leaves > 0) return false;
      yield* run(sql`DELETE FROM backy2_maps WHERE id = ${found.map}`);
      return false;
    }, 'judging');
  }
}
