import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import { rememberLast } from '../../model/remember-last.ts';
import type { Version } from '../../model/version.ts';
import { forgottenBlobs, insertImported } from '../sql/import-steps.ts';
import { rowPages } from '../sql/row-pages.ts';
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
  { isWhole = () => true, isTrusted = false, tags = [], allOrNothing = false, heedsBad = false }: ImportOptions = {},
): Promise<ImportOutcome> {
  await connection.makeSideTables();
  const forgotten = await connection.read(forgottenBlobs);
  connection.exec('DROP TABLE IF EXISTS temp.import_rows');
  connection.exec(
    `CREATE TEMPORARY TABLE import_rows (uid TEXT, id INTEGER PRIMARY KEY, date TEXT, checksum TEXT, size INTEGER,
       valid INTEGER, enc_version INTEGER, enc_envkey TEXT, enc_nonce TEXT)`,
  );
  const gather = connection.prepare('INSERT INTO temp.import_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const storedDate = rememberLast(toStoredDate);
  for await (const page of rowPages(rows)) {
    // Each statement of its own would be a transaction.
    connection.readTogether(() => {
      for (const { uid, id, date, checksum, size, ...row } of page)
        gather.run(uid, id, storedDate(date), checksum, size, row.valid ? 1 : 0, row.encVersion, row.envKey, row.nonce);
    });
  }
  const build = await statementBuilder();
  const valid = version.valid && isWhole();
  return connection.transaction(() =>
    insertImported(connection, build, { version: { ...version, valid }, isTrusted, tags, allOrNothing, heedsBad, forgotten }),
  );
}
