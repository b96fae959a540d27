import type { Knex } from 'knex';
import { BackyError } from '../../errors.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import { toVersionRecord } from '../sql/rows.ts';
import type { SqliteConnection } from './connection.ts';
import { statementBuilder } from './statement-builder.ts';

const COLUMNS = 'uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';

/** See TransferStore.importVersion: rows are gathered in a temporary table, so that slow input locks nobody out. */
export async function importVersion(
  connection: SqliteConnection,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  isWhole: () => boolean = () => true,
): Promise<number> {
  connection.execTemporary('DROP TABLE IF EXISTS temp.import_rows');
  connection.execTemporary(
    `CREATE TEMPORARY TABLE import_rows (uid TEXT, id INTEGER PRIMARY KEY, date TEXT, checksum TEXT, size INTEGER,
       valid INTEGER, enc_version INTEGER, enc_envkey TEXT, enc_nonce TEXT)`,
  );
  const gather = connection.prepare(`INSERT INTO temp.import_rows (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  for await (const row of rows) {
    gather.run(
      row.uid,
      row.id,
      toStoredDate(row.date),
      row.checksum,
      row.size,
      row.valid ? 1 : 0,
      row.encVersion,
      row.envKey,
      row.nonce,
    );
  }
  const build = await statementBuilder();
  const valid = version.valid && isWhole();
  return connection.write(() => insertVersion(connection, { ...version, valid }, build));
}

function insertVersion(connection: SqliteConnection, version: Version, build: Knex): number {
  if (connection.prepare('SELECT 1 FROM versions WHERE uid = ?').get(version.uid) !== undefined) {
    throw new BackyError('versionExists', `Version ${version.uid} already exists and cannot be imported.`, {
      hint: `Remove it first with: backy2 rm ${version.uid}`,
    });
  }
  // A version whose removal was cut short can have left rows behind in databases of the original.
  connection.prepare('DELETE FROM blocks WHERE version_uid = ?').run(version.uid);
  const doomed = connection
    .prepare('UPDATE temp.import_rows SET valid = 0 WHERE uid IN (SELECT uid FROM backy2_doomed)')
    .run().changes;
  connection.run(build('versions').insert(toVersionRecord({ ...version, valid: version.valid && doomed === 0 })));
  connection.exec(
    `INSERT OR IGNORE INTO backy2_imported (uid, checksum)
     SELECT uid, checksum FROM temp.import_rows AS new WHERE uid <> '' AND NOT EXISTS (
       SELECT 1 FROM blocks WHERE uid = new.uid AND checksum = new.checksum AND size = new.size AND valid = 1
         AND enc_version = new.enc_version AND enc_envkey IS new.enc_envkey AND enc_nonce IS new.enc_nonce)`,
  );
  connection
    .prepare(`INSERT INTO blocks (version_uid, ${COLUMNS}) SELECT ?, ${COLUMNS} FROM temp.import_rows ORDER BY id`)
    .run(version.uid);
  return doomed;
}
