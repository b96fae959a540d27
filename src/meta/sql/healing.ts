import type { BlockRow } from '../../model/block.ts';
import { isBlockId } from './block-conditions.ts';
import { KEYED_COLUMNS, type KeyedRecord, withoutOthers } from './block-records.ts';
import { noteChange } from './catalogue-marks.ts';
import type { SqlDatabase } from './database.ts';
import { toBlockRow } from './rows.ts';
import { sql } from './statement.ts';
import { run } from './steps.ts';
import { lockVersion } from './version-steps.ts';

/** Ids that one statement looks through: SQLite blocks the thread for a tenth of a second. */
const WINDOW_IDS = 25_000;

/** See HealStore.validateWhole. */
export async function validateWhole(db: SqlDatabase, versionUids: readonly string[]): Promise<string[]> {
  const validated: string[] = [];
  for (const uid of versionUids) {
    const changes = await db.transaction(function* () {
      yield* lockVersion(db, uid);
      const validated = yield* run(
        sql`UPDATE versions SET valid = 1 WHERE uid = ${uid} AND valid = 0
          AND NOT EXISTS (SELECT 1 FROM backy2_progress WHERE version_uid = versions.uid)
          AND NOT EXISTS (SELECT 1 FROM backy2_migrations WHERE version_uid = versions.uid)
          AND size = (SELECT count(*) FROM blocks WHERE version_uid = versions.uid)
          AND NOT EXISTS (SELECT 1 FROM ${db.dialect.blocksByKey} WHERE version_uid = versions.uid
            AND (valid = 0 OR is_other OR NOT (${db.dialect.idIsInteger}) OR id < 0 OR id >= versions.size))`,
      );
      if (validated > 0) yield* noteChange(uid);
      return validated;
    });
    if (changes > 0) validated.push(uid);
  }
  return validated;
}

/** See HealStore.badBlockPage. */
export async function badBlockPage(db: SqlDatabase, versionUid: string, afterId: number, limit: number): Promise<BlockRow[]> {
  const isOfVersion = sql`version_uid = ${versionUid} AND ${isBlockId(db)}`;
  const { last } = await db.queryOne<{ last: number | null }>(sql`SELECT max(id) AS last FROM blocks WHERE ${isOfVersion}`);
  for (let after = afterId; after < (last ?? -1); after += WINDOW_IDS) {
    const records = await db.query<KeyedRecord>(
      sql`SELECT ${KEYED_COLUMNS} FROM ${db.dialect.blocksByKey}
        WHERE ${isOfVersion} AND id > ${after} AND id <= ${after + WINDOW_IDS} AND (valid = 0 AND uid <> '' OR is_other)
        ORDER BY id LIMIT ${limit}`,
    );
    if (records.length > 0) return withoutOthers(db, versionUid, records).map(toBlockRow);
  }
  return [];
}
