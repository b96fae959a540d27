import { copyFileSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';

/**
 * The fastest settings found for one large statement. Do not use them for real data: without a
 * journal a crash leaves a broken file, and one transaction locks out everybody else until it ends.
 */
const CACHE_MB = 4096;

const COLUMNS = 'uid, version_uid, id, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';
const DATE = '2026-01-01 00:00:00.000000';

/**
 * Copies a database that nobody has open.
 * @param {string} from
 * @param {string} to
 */
export function copyDatabase(from, to) {
  removeDatabase(to);
  copyFileSync(from, to);
}

/** @param {string} path */
export function removeDatabase(path) {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
}

/**
 * Copies a version's rows to a new version, with one plain statement.
 * @param {string} path
 * @param {string} from
 * @param {string} to
 */
export function bareTakeOver(path, from, to) {
  return timed(path, (db) => {
    const values = `uid, ?, id, '${DATE}', checksum, size, 1, enc_version, enc_envkey, enc_nonce`;
    db.prepare(`INSERT INTO blocks (${COLUMNS}) SELECT ${values} FROM blocks WHERE version_uid = ?`).run(to, from);
  });
}

/**
 * Deletes a version's rows, with one plain statement.
 * @param {string} path
 * @param {string} uid
 */
export function bareDelete(path, uid) {
  return timed(path, (db) => db.prepare('DELETE FROM blocks WHERE version_uid = ?').run(uid));
}

/**
 * Records a version's blobs as candidates for deletion, which every removal must do.
 * @param {string} path
 * @param {string} uid
 */
export function bareCandidates(path, uid) {
  return timed(path, (db) =>
    db
      .prepare(
        'INSERT INTO deleted_blocks (uid, size, delete_candidate, time) SELECT uid, size, 0, 0 FROM blocks WHERE version_uid = ?',
      )
      .run(uid),
  );
}

/**
 * Runs a statement with its commit; nothing is synced to disk. @returns seconds.
 * @param {string} path
 * @param {(db: Database.Database) => void} statement
 */
function timed(path, statement) {
  const db = new Database(path);
  db.unsafeMode(true);
  for (const pragma of [
    'foreign_keys = OFF',
    'journal_mode = DELETE',
    'journal_mode = OFF',
    'synchronous = OFF',
    `cache_size = ${-CACHE_MB * 1024}`,
  ])
    db.pragma(pragma);
  const begin = performance.now();
  statement(db);
  db.close();
  return (performance.now() - begin) / 1000;
}
