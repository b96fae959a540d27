import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import { forgottenBlobs, insertImported } from '../sql/import-steps.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import type { ImportOptions, ImportOutcome } from '../transfer-store.ts';
import type { SqliteConnection } from './connection.ts';

/**
 * See TransferStore.importVersion. A temporary table gathers the rows: slow input locks nobody out.
 */
export async function importVersion(
  connection: SqliteConnection,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  { isWhole = () => true, isTrusted = false }: ImportOptions = {},
): Promise<ImportOutcome> {
  await connection.makeSideTables();
  const forgotten = await connection.read(forgottenBlobs);
  connection.exec('DROP TABLE IF EXISTS temp.import_rows');
  connection.exec(
    `CREATE TEMPORARY TABLE import_rows (uid TEXT, id INTEGER PRIMARY KEY, date TEXT, checksum TEXT, size INTEGER,
       valid INTEGER, enc_version INTEGER, enc_envkey TEXT, enc_nonce TEXT)`,
  );
  const gather = connection.prepare('INSERT INTO temp.import_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for await (const { uid, id, date, checksum, size, ...row } of rows) {
    const valid = row.valid ? 1 : 0;
    gather.run(uid, id, toStoredDate(date), checksum, size, valid, row.encVersion, row.envKey, row.nonce);
  }
  const build = await statementBuilder();
  const valid = version.valid && isWhole();
  return connection.transaction(() =>
    insertImported(connection, build, { version: { ...version, valid }, isTrusted, forgotten }),
  );
}
