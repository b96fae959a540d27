import type { BlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import type { AddVersion } from '../fill-store.ts';
import { bind } from '../sql/bind.ts';
import type { Play } from '../sql/database.ts';
import { copyRows, fill as fillWith, type RowSink } from '../sql/fill.ts';
import { BLOCK_INDEXES } from '../sql/schema.ts';
import { type Sql, sql } from '../sql/statement.ts';
import { run, type Steps } from '../sql/steps.ts';
import { datedBlockPage } from '../sql/transfer.ts';
import { ARRAY_TYPES, type ArrayType, binaryArray } from './binary-array.ts';
import { INSERT_COLUMNS } from './block-inserts.ts';
import type { PostgresConnection } from './connection.ts';
import { importVersion } from './transfer.ts';

/** See FillStore.fill: the classic layout. */
export function fill(connection: PostgresConnection, body: (add: AddVersion) => Promise<void>): Promise<void> {
  return fillWith(
    connection,
    {
      ...{ layout: 'classic', indexes: BLOCK_INDEXES, table: sql`blocks` },
      prepare: async () => async (version, play) => rowsOf(version, play),
      bulk: (work) => work(),
      inUse: bind(connection, { importVersion, datedBlockPage }),
    },
    body,
  );
}

function rowsOf({ uid, date }: Version, play: Play): RowSink {
  return {
    add: (page) => play(insertPage(page, { uid, date: toStoredDate(date) })),
    copy: (copied) => play(copyRows(uid, copied)),
    async end() {},
  };
}

function* insertPage(page: readonly BlockRow[], { uid, date }: { uid: string; date: string }): Steps<void> {
  const array = (type: ArrayType, cellOf: (row: BlockRow) => string | number | null): Sql =>
    sql`${binaryArray(type, page.map(cellOf))}${ARRAY_TYPES[type]}`;
  yield* run(
    sql`INSERT INTO blocks (${INSERT_COLUMNS})
      SELECT r.uid, ${uid}, r.id, ${date}::timestamp, r.checksum, r.size, r.valid, r.enc_version, r.envkey, r.nonce
      FROM unnest(
        ${array('text', (row) => row.uid)},
        ${array('number', (row) => row.id)},
        ${array('text', (row) => row.checksum)},
        ${array('number', (row) => row.size)},
        ${array('number', (row) => (row.valid ? 1 : 0))},
        ${array('number', (row) => row.encVersion)},
        ${array('text', (row) => row.envKey)},
        ${array('text', (row) => row.nonce)}
      ) AS r(uid, id, checksum, size, valid, enc_version, envkey, nonce)`,
  );
}
