import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import { fill as fillMaps } from '../compact/fill.ts';
import type { AddVersion } from '../fill-store.ts';
import { bind } from '../sql/bind.ts';
import { copyRows, fill as fillWith, type RowSink } from '../sql/fill.ts';
import { BLOCK_INDEXES } from '../sql/schema.ts';
import { sql } from '../sql/statement.ts';
import { datedBlockPage } from '../sql/transfer.ts';
import { INSERT_COLUMNS } from './backup.ts';
import type { SqliteConnection } from './connection.ts';
import { importVersion } from './transfer.ts';

/** See FillStore.fill: the classic layout. */
export function fill(connection: SqliteConnection, body: (add: AddVersion) => Promise<void>): Promise<void> {
  return fillWith(
    connection,
    {
      ...{ layout: 'classic', indexes: BLOCK_INDEXES, table: sql`blocks` },
      prepare: async () => async (version) => rowsOf(connection, version),
      bulk: (work) => connection.bulk(work),
      inUse: bind(connection, { importVersion, datedBlockPage }),
    },
    body,
  );
}

/** The same for the compact layout. */
export function fillCompact(connection: SqliteConnection, body: (add: AddVersion) => Promise<void>): Promise<void> {
  return fillMaps(connection, body, (work) => connection.bulk(work));
}

function rowsOf(connection: SqliteConnection, { uid: versionUid, date: day }: Version): RowSink {
  const date = toStoredDate(day);
  const insert = connection.prepare(`INSERT INTO blocks (${INSERT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return {
    async add(page) {
      for (const { uid, id, checksum, size, valid, encVersion, envKey, nonce } of page)
        insert.run(uid, versionUid, id, date, checksum, size, valid ? 1 : 0, encVersion, envKey, nonce);
    },
    copy: async (copied) => connection.play(copyRows(versionUid, copied)),
    async end() {},
  };
}
