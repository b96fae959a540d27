import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import { forgottenBlobs, IMPORT_COLUMNS, insertImported, versionExists } from '../sql/import-steps.ts';
import { sql } from '../sql/statement.ts';
import { statementBuilder } from '../sql/statement-builder.ts';
import type { ImportOptions, ImportOutcome } from '../transfer-store.ts';
import type { PostgresConnection } from './connection.ts';
import { isDuplicateVersion } from './database-errors.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

const GATHERED_ROWS = 5_000;

/**
 * See TransferStore.importVersion. A temporary table gathers the rows: slow input keeps no
 * transaction open.
 */
export async function importVersion(
  connection: PostgresConnection,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  { isWhole = () => true, isTrusted = false }: ImportOptions = {},
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
      await gather(session, rows);
      const valid = version.valid && isWhole();
      const build = await statementBuilder();
      return await transact('naming', (inside) =>
        inside.play(insertImported(connection, build, { version: { ...version, valid }, isTrusted, forgotten })),
      );
    } catch (error) {
      throw isDuplicateVersion(error) ? versionExists(version.uid) : error;
    } finally {
      // The session may be lost, and the table with it.
      await session.script('DROP TABLE IF EXISTS pg_temp.import_rows').catch(() => {});
    }
  });
}

async function gather(session: Session, rows: AsyncIterable<DatedBlockRow>): Promise<void> {
  let page: DatedBlockRow[] = [];
  for await (const row of rows) {
    if (page.push(row) < GATHERED_ROWS) continue;
    await addPage(session, page);
    page = [];
  }
  if (page.length > 0) await addPage(session, page);
}

async function addPage(session: Session, page: readonly DatedBlockRow[]): Promise<void> {
  await session.run(
    sql`INSERT INTO pg_temp.import_rows (${IMPORT_COLUMNS})
      SELECT * FROM unnest(
        ${arrayOf(page.map((row) => row.uid))}::text[],
        ${arrayOf(page.map((row) => row.id))}::int[],
        ${arrayOf(page.map((row) => toStoredDate(row.date)))}::timestamp[],
        ${arrayOf(page.map((row) => row.checksum))}::text[],
        ${arrayOf(page.map((row) => row.size))}::bigint[],
        ${arrayOf(page.map((row) => (row.valid ? 1 : 0)))}::int[],
        ${arrayOf(page.map((row) => row.encVersion))}::int[],
        ${arrayOf(page.map((row) => row.envKey))}::text[],
        ${arrayOf(page.map((row) => row.nonce))}::text[])`,
  );
}
