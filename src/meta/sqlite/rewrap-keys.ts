import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RewrapCounts, RewrapRequest } from '../encryption-store.ts';
import { NOTHING_REWRAPPED, newKeyOf, REWRAP_PAGE_ROWS, type WrappedRow } from '../sql/rewrap.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * See EncryptionStore.rewrapKeys. In the order of the table: reads and writes each of its pages
 * once.
 */
export async function rewrapKeys(connection: SqliteConnection, request: RewrapRequest): Promise<RewrapCounts> {
  const page = connection.prepare(
    `SELECT rowid AS row, uid, version_uid AS versionUid, id, valid, enc_version AS encVersion, enc_envkey AS envKey
     FROM blocks WHERE rowid > ? ORDER BY rowid LIMIT ${REWRAP_PAGE_ROWS}`,
  );
  const update = connection.prepare('UPDATE blocks SET enc_envkey = ? WHERE rowid = ?');
  const counts = { ...NOTHING_REWRAPPED };
  return connection.writeInSteps(async () => {
    const { total } = connection.prepare('SELECT count(*) AS total FROM blocks').get() as { total: number };
    let done = 0;
    for (let last = 0; ; ) {
      const rows = page.all(last) as (WrappedRow & { row: number })[];
      const end = rows.at(-1);
      if (end === undefined) return counts;
      for (const row of rows) {
        const envKey = newKeyOf(row, request, counts);
        if (envKey !== undefined) update.run(envKey, row.row);
      }
      last = end.row;
      done += rows.length;
      request.onProgress(done, total);
      await nextTurn();
    }
  });
}
