import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { loadStores } from '../lib/load-store.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';

const BLOCK_BYTES = 4 * 1024 ** 2;
const GROUP_ROWS = 1_000;
const LOOKUPS = 256;
const FEW_CHANGES = 100;

/** @typedef {import('../../src/meta/meta-store.ts').MetaStore} MetaStore */

/**
 * The same backups in a compact database and in a classic one, which is the limit: processor time
 * of the store alone, and bytes of the file.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* layouts(workspace) {
  const blocks = workspace.quick ? 16_384 : 262_144;
  const { sqlite } = await loadStores(workspace);
  const folder = workspace.folder('disk', 'layouts');
  const rounds = await alternate(1, {
    compact: () => measure(sqlite, join(folder, 'compact.sqlite'), 'compact', blocks),
    classic: () => measure(sqlite, join(folder, 'classic.sqlite'), 'classic', blocks),
  });
  const rowOf = (/** @type {string} */ what, /** @type {string} */ key, /** @type {object} */ more) =>
    toRow(
      { name: 'layouts', what: `${blocks} blocks, ${what}`, unit: 'µs', ...more },
      rounds.map(({ compact, classic }) => ({ ours: compact[key] ?? Number.NaN, limit: classic[key] ?? Number.NaN })),
    );
  yield rowOf('first backup, per block', 'first', { atMost: 1 });
  yield rowOf('bytes per block', 'bytes', { unit: 'bytes', atMost: 0.45 });
  yield rowOf(`${FEW_CHANGES} changes`, 'few', { atMost: 0.15 });
  yield rowOf(`bytes of ${FEW_CHANGES} changes`, 'fewBytes', { unit: 'bytes', atMost: 0.05 });
  yield rowOf('look-up of a checksum that is there', 'hit', { atMost: 1.2 });
  yield rowOf('look-up of one that is not', 'miss', { atMost: 1.2 });
  yield rowOf('reading all rows, per block', 'read', { atMost: 1.2 });
  yield rowOf(`removal of the version with ${FEW_CHANGES} changes`, 'removed', { atMost: 0.1 });
}

/**
 * @param {(path: string) => MetaStore} storeAt
 * @param {string} path
 * @param {import('../../src/model/layout.ts').Layout} layout
 * @param {number} blocks
 * @returns {Promise<Record<string, number>>} microseconds, and bytes
 */
async function measure(storeAt, path, layout, blocks) {
  const store = storeAt(path);
  await store.initialize(layout);
  await store.open();
  const backup = new Backup(store, blocks);
  const rows = Array.from({ length: blocks }, (_, id) => newRow(id));
  const first = await cpu(() => backup.make('first', undefined, rows));
  const bytes = bytesOf(path);
  const step = Math.floor(blocks / FEW_CHANGES);
  const changed = Array.from({ length: FEW_CHANGES }, (_, n) => newRow(n * step + (step >> 1)));
  const few = await cpu(() => backup.make('few', 'first', changed));
  const fewBytes = bytesOf(path) - bytes;
  const keys = (/** @type {(n: number) => string} */ sum) =>
    Array.from({ length: 100 * LOOKUPS }, (_, n) => ({ checksum: sum(n), size: BLOCK_BYTES }));
  const there = keys((n) => rows[(n * 7919) % blocks]?.checksum ?? '');
  const others = keys(() => randomBytes(64).toString('hex'));
  const hit = await cpu(() => lookUp(store, there));
  const miss = await cpu(() => lookUp(store, others));
  const read = await cpu(() => readAll(store, 'few'));
  const removed = await cpu(() => store.removeVersion('few', () => {}));
  await store.close();
  rmSync(path);
  return {
    ...{ first: first / blocks, bytes: bytes / blocks, few, fewBytes, removed },
    ...{ hit: hit / there.length, miss: miss / others.length, read: read / blocks },
  };
}

/** Backups of one image. */
class Backup {
  /** @param {MetaStore} store @param {number} blocks */
  constructor(store, blocks) {
    this.store = store;
    this.blocks = blocks;
    this.geometry = { blockSize: BLOCK_BYTES, sizeBytes: blocks * BLOCK_BYTES };
  }

  /**
   * @param {string} uid
   * @param {string | undefined} baseUid
   * @param {ReturnType<typeof newRow>[]} rows in the order of ids; all others come from the base.
   */
  async make(uid, baseUid, rows) {
    const { store, geometry, blocks: size } = this;
    const counters = () => /** @type {any} */ ({});
    const version = { uid, name: 'vm', snapshotName: '', size, sizeBytes: geometry.sizeBytes, expire: null, tags: [] };
    await store.createVersion(version);
    if (baseUid !== undefined) {
      const starts = [0, ...rows.map(({ id }) => id + 1)];
      const ranges = starts.map((first, i) => ({ first, count: (rows[i]?.id ?? size) - first }));
      await store.takeOver({ baseUid, versionUid: uid, ranges, geometry, counters, onCopied: () => {} });
    }
    for (let at = 0; at < rows.length; at += GROUP_ROWS)
      await store.commitGroup(uid, { rows: rows.slice(at, at + GROUP_ROWS), sparse: [], heals: true, counters }, geometry);
    const made = await store.findVersion(uid);
    if (made !== undefined) await store.finishBackup(made, undefined);
  }
}

/** @param {MetaStore} store @param {{ checksum: string, size: number }[]} keys */
async function lookUp(store, keys) {
  for (let at = 0; at < keys.length; at += LOOKUPS) await store.findBlobs(keys.slice(at, at + LOOKUPS), 0);
}

/** @param {MetaStore} store @param {string} uid */
async function readAll(store, uid) {
  for (let after = -1; ; ) {
    const page = await store.blockPage(uid, after, 10_000);
    const end = page.at(-1);
    if (end === undefined) return;
    after = end.id;
  }
}

/** @param {() => Promise<unknown>} work @returns microseconds of processor time */
async function cpu(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Bytes of the database, those that are still in its WAL too. @param {string} path */
function bytesOf(path) {
  const db = new Database(path, { readonly: true });
  const { bytes } = /** @type {{ bytes: number }} */ (
    db
      .prepare(
        'SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
      )
      .get()
  );
  db.close();
  return bytes;
}

/** @param {number} id */
function newRow(id) {
  const checksum = randomBytes(64).toString('hex');
  return { id, uid: checksum.slice(0, 32), checksum, size: BLOCK_BYTES, encVersion: 0, envKey: null, nonce: null, found: false };
}
