import type { Knex } from 'knex';
import { BackyError } from '../../errors.ts';
import type { Version } from '../../model/version.ts';
import { blobsTaken, type ImportOutcome } from '../transfer-store.ts';
import { refuseOthers } from './block-records.ts';
import { trackImported } from './catalogue-marks.ts';
import type { SqlDatabase } from './database.ts';
import { rememberName } from './name-steps.ts';
import { toVersionRecord } from './rows.ts';
import { readState } from './state.ts';
import { type Sql, sql } from './statement.ts';
import { rowsOf, run, type Steps } from './steps.ts';
import { insertTags } from './version-steps.ts';

/** The columns of table `import_rows`. */
export const IMPORT_COLUMNS = sql`uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce`;

/** A version that comes with the rows of table `import_rows`. */
interface ImportedVersion {
  version: Version;
  /** See ImportOptions. */
  isTrusted: boolean;
  tags: readonly string[];
  allOrNothing: boolean;
  heedsBad: boolean;
  /** {@link forgottenBlobs} before the first row. */
  forgotten: number;
}

/** How often a cleanup has deleted blobs. */
export function forgottenBlobs(): Steps<number> {
  return readState('forgotten');
}

/**
 * Adds a version with the rows of the temporary table `import_rows`.
 * @throws BackyError `versionExists`.
 */
export function* insertImported(
  db: SqlDatabase,
  build: Knex,
  { version, isTrusted, tags, allOrNothing, heedsBad, forgotten }: ImportedVersion,
): Steps<ImportOutcome> {
  const { uid } = version;
  yield* refuseExisting(uid);
  // A removal that was cut short can have left rows behind in databases of the original.
  yield* refuseOthers(db, uid);
  yield* run(sql`DELETE FROM blocks WHERE version_uid = ${uid}`);
  const bad = heedsBad ? yield* run(MARK_BAD) : 0;
  if (allOrNothing) yield* refuseTaken(uid, forgotten);
  const doomed = yield* run(sql`UPDATE import_rows SET valid = 0 WHERE uid IN (SELECT uid FROM backy2_doomed)`);
  const mayLack = !allOrNothing && (yield* forgottenBlobs()) !== forgotten;
  yield* run(build('versions').insert(toVersionRecord({ ...version, valid: version.valid && doomed + bad === 0 && !mayLack })));
  if (version.valid) yield* rememberName(version.name, db.now());
  yield* insertTags(uid, tags);
  if (!isTrusted) yield* rememberContents();
  yield* run(sql`INSERT INTO blocks (version_uid, ${IMPORT_COLUMNS})
    SELECT CAST(${uid} AS VARCHAR(36)), ${IMPORT_COLUMNS} FROM import_rows ORDER BY id`);
  yield* trackImported(uid);
  return { doomed, mayLack, bad };
}

/**
 * Rows of the import become bad if the last look at their blob found it bad, or all rows that have
 * it are; unless a good row has it.
 */
const MARK_BAD = sql`UPDATE import_rows SET valid = 0 WHERE valid <> 0 AND uid <> ''
  AND (EXISTS (SELECT 1 FROM backy2_verified AS checked WHERE checked.uid = import_rows.uid AND good = 0)
    OR EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = import_rows.uid
      AND coalesce(blocks.checksum, '') = coalesce(import_rows.checksum, '')))
  AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = import_rows.uid
    AND coalesce(blocks.checksum, '') = coalesce(import_rows.checksum, '') AND blocks.valid <> 0)`;

/**
 * Rejects if a cleanup dooms a blob of the import, or may have deleted it. No blob can be doomed
 * before the end of this transaction. So one that is not doomed at the first look is there for
 * good, or it was deleted and forgotten before: the number tells, which is read after that look.
 * With another number, each blob must still be a candidate, or have a valid row: a deletion leaves
 * neither.
 */
function* refuseTaken(versionUid: string, forgotten: number): Steps<void> {
  const taken = (where: Sql) => rowsOf(sql`SELECT 1 AS one FROM import_rows WHERE valid = 1 AND uid <> '' AND ${where} LIMIT 1`);
  if ((yield* taken(sql`uid IN (SELECT uid FROM backy2_doomed)`)).length > 0) throw blobsTaken(versionUid);
  if ((yield* forgottenBlobs()) === forgotten) return;
  const isLost = sql`NOT (EXISTS (SELECT 1 FROM deleted_blocks WHERE deleted_blocks.uid = import_rows.uid)
    OR EXISTS (SELECT 1 FROM blocks WHERE blocks.uid = import_rows.uid AND blocks.valid = 1))`;
  if ((yield* taken(isLost)).length > 0) throw blobsTaken(versionUid);
}

/** Contents that no row had before are imported until they were read. */
function* rememberContents(): Steps<void> {
  yield* run(
    sql`INSERT INTO backy2_imported (uid, checksum)
      SELECT DISTINCT uid, checksum FROM import_rows AS new WHERE uid <> '' AND NOT EXISTS (
        SELECT 1 FROM blocks WHERE blocks.uid = new.uid AND blocks.checksum = new.checksum AND blocks.size = new.size AND blocks.valid = 1
          AND (blocks.enc_version, blocks.enc_envkey, blocks.enc_nonce)
            IS NOT DISTINCT FROM (new.enc_version, new.enc_envkey, new.enc_nonce))
      ON CONFLICT DO NOTHING`,
  );
}

/** @throws BackyError `versionExists`. */
export function* refuseExisting(uid: string): Steps<void> {
  if ((yield* rowsOf(sql`SELECT 1 AS one FROM versions WHERE uid = ${uid}`)).length > 0) throw versionExists(uid);
}

/** The error for a version that is there already. */
export function versionExists(uid: string): BackyError {
  return new BackyError('versionExists', `Version ${uid} already exists and cannot be imported.`, {
    hint: `Remove it first with: backy2 rm ${uid}`,
  });
}
