import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';

const CACHE_MB = 1024;
const BLOCK_BYTES = 4 * 1024 ** 2;
const DATE = '2026-01-01 00:00:00.000000';
const DAY_MS = 24 * 3600 * 1000;
/** Letters of a blob's uid after its hex digits (docs/spec/formats.md §1). */
const LETTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const INDEXES = {
  ix_blocks_checksum: 'CREATE INDEX ix_blocks_checksum ON blocks (checksum)',
  ix_blocks_uid: 'CREATE INDEX ix_blocks_uid ON blocks (uid)',
};

/**
 * Fills an initialised database with a chain of backups of one image. Each shares all blobs with
 * the previous backup except those of changed blocks, which are evenly spread. Inserts rows
 * directly and builds indexes afterwards: real backups would take an hour.
 * @param {string} path
 * @param {{ versions: number, blocks: number, changed: number }} chain `changed`: the share of
 * blocks that differ from the previous version.
 * @returns {string[]} the versions' uids, oldest first.
 */
export function fillWithChain(path, { versions, blocks, changed }) {
  const db = new Database(path);
  db.unsafeMode(true);
  for (const pragma of ['foreign_keys = OFF', 'journal_mode = OFF', 'synchronous = OFF', `cache_size = ${-CACHE_MB * 1024}`])
    db.pragma(pragma);
  for (const name of Object.keys(INDEXES)) db.exec(`DROP INDEX ${name}`);
  const insertVersion = db.prepare("INSERT INTO versions VALUES (?, ?, NULL, ?, '', ?, ?, 1, 0)");
  const insertBlock = db.prepare(`INSERT INTO blocks VALUES (?, ?, ?, '${DATE}', ?, ${BLOCK_BYTES}, 1, 0, NULL, NULL)`);
  const image = Array.from({ length: blocks }, newBlob);
  const uids = Array.from(
    { length: versions },
    (_, number) => `${randomBytes(4).toString('hex')}-0000-11f1-8000-${twelve(number)}`,
  );
  const step = Math.round(1 / changed);
  for (const [number, uid] of uids.entries()) {
    if (number > 0) for (let id = number % step; id < blocks; id += step) image[id] = newBlob();
    db.transaction(() => {
      const date = new Date(Date.UTC(2026, 0, 1) + number * DAY_MS).toISOString().slice(0, 19).replace('T', ' ');
      insertVersion.run(uid, `${date}.000000`, 'vm', blocks, blocks * BLOCK_BYTES);
      for (const [id, blob] of image.entries()) insertBlock.run(blob.uid, uid, id, blob.checksum);
    })();
  }
  for (const sql of Object.values(INDEXES)) db.exec(sql);
  db.close();
  return uids;
}

/**
 * Reads the data that any count of uses needs: each row's version and size, and each blob's rows.
 * @param {string} path
 */
export function bareScan(path) {
  const db = new Database(path, { readonly: true });
  const begin = performance.now();
  db.prepare('SELECT sum(size + length(version_uid)) FROM blocks NOT INDEXED').all();
  db.prepare('SELECT sum(uses) FROM (SELECT count(*) AS uses FROM blocks GROUP BY uid)').all();
  db.close();
  return (performance.now() - begin) / 1000;
}

function newBlob() {
  const bytes = randomBytes(64);
  const checksum = bytes.toString('hex');
  let name = '';
  for (let i = 0; i < 22; i++) name += LETTERS[(bytes[i] ?? 0) % LETTERS.length];
  return { uid: checksum.slice(30, 40) + name, checksum };
}

/** @param {number} number */
function twelve(number) {
  return String(number).padStart(12, '0');
}
