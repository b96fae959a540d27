import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RewrapCounts, RewrapRequest } from '../encryption-store.ts';
import type { SqliteConnection } from './connection.ts';

/** Rows between two looks at messages and signals: 20 ms of key wrapping. */
const PAGE_ROWS = 1_000;

interface Row {
  row: number;
  uid: string | null;
  versionUid: string;
  id: number;
  valid: number;
  encVersion: number;
  envKey: string | null;
}

/** See EncryptionStore.rewrapKeys. In the order of the table: each of its pages is read and written once. */
export async function rewrapKeys(connection: SqliteConnection, { rewrap, onProgress }: RewrapRequest): Promise<RewrapCounts> {
  const page = connection.prepare(
    `SELECT rowid AS row, uid, version_uid AS versionUid, id, valid, enc_version AS encVersion, enc_envkey AS envKey
     FROM blocks WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE_ROWS}`,
  );
  const update = connection.prepare('UPDATE blocks SET enc_envkey = ? WHERE rowid = ?');
  const counts: RewrapCounts = { rewrapped: 0, left: 0, sparse: 0, plain: 0 };
  return connection.writeInSteps(async () => {
    const { total } = connection.prepare('SELECT count(*) AS total FROM blocks').get() as { total: number };
    let done = 0;
    for (let last = 0; ; ) {
      const rows = page.all(last) as Row[];
      const end = rows.at(-1);
      if (end === undefined) return counts;
      for (const row of rows) {
        if (row.uid === null || row.uid === '') counts.sparse++;
        else if (row.encVersion === 0) counts.plain++;
        else {
          const envKey = rewrap({ ...row, envKey: row.envKey ?? '', valid: row.valid !== 0 });
          if (envKey === undefined) counts.left++;
          else {
            update.run(envKey, row.row);
            counts.rewrapped++;
          }
        }
      }
      last = end.row;
      done += rows.length;
      onProgress(done, total);
      await nextTurn();
    }
  });
}
