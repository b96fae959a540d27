import { BackyError } from '../../errors.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Version } from '../../model/version.ts';
import { toVersionRecord } from '../sql/rows.ts';
import type { PostgresConnection } from './connection.ts';
import { isDuplicateVersion } from './database-errors.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';
import { statementBuilder } from './statement-builder.ts';

const COLUMNS = 'uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';
const GATHERED_ROWS = 5_000;

/** See TransferStore.importVersion: rows are gathered in a temporary table, so that slow input keeps no transaction open. */
export function importVersion(
  connection: PostgresConnection,
  version: Version,
  rows: AsyncIterable<DatedBlockRow>,
  isWhole: () => boolean = () => true,
): Promise<number> {
  return connection.session(async ({ session, transact }) => {
    await session.script('DROP TABLE IF EXISTS pg_temp.import_rows');
    await session.script(
      'CREATE TEMPORARY TABLE import_rows (LIKE blocks); ALTER TABLE pg_temp.import_rows ALTER version_uid DROP NOT NULL',
    );
    try {
      await gather(session, rows);
      const valid = version.valid && isWhole();
      return await transact('naming', (inside) => insertVersion(inside, { ...version, valid }));
    } catch (error) {
      throw isDuplicateVersion(error) ? alreadyThere(version.uid) : error;
    } finally {
      // The session may be gone, and the table with it.
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
    `INSERT INTO pg_temp.import_rows (${COLUMNS})
     SELECT * FROM unnest($1::text[], $2::int[], $3::timestamp[], $4::text[], $5::bigint[], $6::int[], $7::int[], $8::text[], $9::text[])`,
    [
      arrayOf(page.map((row) => row.uid)),
      arrayOf(page.map((row) => row.id)),
      arrayOf(page.map((row) => toStoredDate(row.date))),
      arrayOf(page.map((row) => row.checksum)),
      arrayOf(page.map((row) => row.size)),
      arrayOf(page.map((row) => (row.valid ? 1 : 0))),
      arrayOf(page.map((row) => row.encVersion)),
      arrayOf(page.map((row) => row.envKey)),
      arrayOf(page.map((row) => row.nonce)),
    ],
  );
}

async function insertVersion(session: Session, version: Version): Promise<number> {
  const build = await statementBuilder();
  if ((await session.run('SELECT 1 FROM versions WHERE uid = $1', [version.uid])) > 0) throw alreadyThere(version.uid);
  const doomed = await session.run('UPDATE pg_temp.import_rows SET valid = 0 WHERE uid IN (SELECT uid FROM backy2_doomed)');
  await session.runBuilt(build('versions').insert(toVersionRecord({ ...version, valid: version.valid && doomed === 0 })));
  await session.run(
    `INSERT INTO backy2_imported (uid, checksum)
     SELECT DISTINCT uid, checksum FROM pg_temp.import_rows AS new WHERE uid <> '' AND NOT EXISTS (
       SELECT 1 FROM blocks WHERE uid = new.uid AND checksum = new.checksum AND size = new.size AND valid = 1
         AND (enc_version, enc_envkey, enc_nonce) IS NOT DISTINCT FROM (new.enc_version, new.enc_envkey, new.enc_nonce))
     ON CONFLICT DO NOTHING`,
  );
  await session.run(`INSERT INTO blocks (version_uid, ${COLUMNS}) SELECT $1, ${COLUMNS} FROM pg_temp.import_rows ORDER BY id`, [
    version.uid,
  ]);
  return doomed;
}

function alreadyThere(uid: string): BackyError {
  return new BackyError('versionExists', `Version ${uid} already exists and cannot be imported.`, {
    hint: `Remove it first with: backy2 rm ${uid}`,
  });
}
