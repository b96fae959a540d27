import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import { rememberLast } from '../../model/remember-last.ts';
import type { Version } from '../../model/version.ts';
import { forgottenBlobs, IMPORT_COLUMNS, insertImported, versionExists } from '../sql/import-steps.ts';
import { rowPages } from '../sql/row-pages.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import type { ImportOptions, ImportOutcome } from '../transfer-store.ts';
import type { PostgresConnection } from './connection.ts';
import { isDuplicateVersion } from './database-errors.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/**
 * See TransferStore.importVersion. A temporary table gathers the rows: slow input keeps no
 * transaction open.
 */
export async function importVersion(
  connection: PostgresConnection,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  { isWhole = () => true, isTrusted = false, tags = [], allOrNothing = false, heedsBad = false }: ImportOptions = {},
): Promise<ImportOutcome> {
  // Before the session: the server may allow no second one.
  await connection.makeSideTables();
  const forgotten = await connection.read(forgottenBlobs);
  return connection.session(async ({ session, transact }) => {
    await session.script('DROP TABLE IF EXISTS pg_temp.import_rows');
    await session.script(
      'CREATE TEMPORARY TABLE import_rows (LIKE blocks); ALTER TABLE pg_temp.import_rows ALTER version_uid DROP NOT NULL',
    );
    try {
      for await (const page of rowPages(rows)) await addPage(session, page);
      const valid = version.valid && isWhole();
      const build = await statementBuilder();
      return await transact('naming', (inside) =>
        inside.play(
          insertImported(connection, build, {
            version: { ...version, valid },
            isTrusted,
            tags,
            allOrNothing,
            heedsBad,
            forgotten,
          }),
        ),
      );
    } catch (error) {
      throw isDuplicateVersion(error) ? versionExists(version.uid) : error;
    } finally {
      // The session may be lost, and the table with it.
      await session.script('DROP TABLE IF EXISTS pg_temp.import_rows').catch(() => {});
    }
  });
}

async function addPage(session: Session, page: readonly DatedBlockRow[]): Promise<void> {
  const storedDate = rememberLast(toStoredDate);
  await session.run(
    sql`INSERT INTO pg_temp.import_rows (${IMPORT_COLUMNS})
      SELECT * FROM unnest(
        ${arrayOf(page.map((row) => row.uid))}::text[],
        ${arrayOf(page.map((row) => row.id))}::int[],
        ${arrayOf(page.map((row) => storedDate(row.date)))}::timestamp[],
        ${arrayOf(page.map((row) => row.checksum))}::text[],
        ${arrayOf(page.map((row) => row.size))}::bigint[],
        ${arrayOf(page.map((row) => (row.valid ? 1 : 0)))}::int[],
        ${arrayOf(page.map((row) => row.encVersion))}::int[],
        ${arrayOf(page.map((row) => row.envKey))}::text[],
        ${arrayOf(page.map((row) => row.nonce))}::text[])`,
  );
}
