import { createHash, randomUUID } from 'node:crypto';

/** Rows of a group commit, as the program has them. */
const GROUP_ROWS = 20_000;
/** Contents that are looked for at a time. */
const LOOKUP_KEYS = 256;
const PAGE_ROWS = 5_000;

/** Where a block says what differs from one of a null source. */
const [MARK_AT, MARK_BYTES] = [16, 64];

/** @typedef {import('../../src/meta/meta-store.ts').MetaStore} MetaStore */
/** @typedef {import('../../src/model/block.ts').BackupRow} BackupRow */

/**
 * Backups of one image through a store. Nothing is read, hashed or stored: only the metadata costs.
 * All figures are seconds of `clock`, without the time to make up contents.
 */
export class Image {
  /** How often each block has changed. @type {Uint32Array} */
  #changes;
  /** A block of {@link import('../../src/io/null/null-io.ts').NullSource}. @type {Buffer} */
  #block;
  /** @type {string} */
  #seed;
  /** @type {readonly string[]} */
  #uids;

  /**
   * @param {MetaStore} store
   * @param {{ blocks: number, blockSize: number, name: string, seed?: string,
   *   uids?: readonly string[], clock: () => number }} options
   * - `seed`: makes its blocks differ from those of others. Without it, the first backup is one of
   *   a null source.
   * - `uids`: names blobs by turns that a store has. Without it, there are none.
   * - `clock`: seconds, of the processor or by the clock.
   */
  constructor(store, { blocks, blockSize, name, seed = '', uids = [], clock }) {
    this.store = store;
    this.name = name;
    this.clock = clock;
    this.geometry = { blockSize, sizeBytes: blocks * blockSize };
    this.#seed = seed;
    this.#uids = uids;
    this.#block = Buffer.alloc(blockSize, ' ');
    this.#changes = new Uint32Array(blocks);
  }

  get blocks() {
    return this.#changes.length;
  }

  /** Backs up all blocks, which are all different. */
  async full() {
    const uid = await this.#begin();
    let seconds = 0;
    for (const ids of groups(this.blocks)) {
      const rows = ids.map((id) => this.#row(id));
      seconds += await this.#timed(() => this.#commit(uid, rows));
    }
    return { uid, seconds: seconds + (await this.#finish(uid)) };
  }

  /**
   * Backs up on a base, with hints for changed blocks, which ascend.
   * @param {string} base
   * @param {readonly number[]} changed
   */
  async hinted(base, changed) {
    const uid = await this.#begin();
    const copied = { counters: () => ({}), onCopied() {} };
    const request = { baseUid: base, versionUid: uid, ranges: this.#between(changed), geometry: this.geometry, ...copied };
    let seconds = await this.#timed(() => this.store.takeOver(request));
    for (const id of changed) this.#changes[id]++;
    for (let first = 0; first < changed.length; first += GROUP_ROWS) {
      const rows = changed.slice(first, first + GROUP_ROWS).map((id) => this.#row(id));
      seconds += await this.#timed(() => this.#commit(uid, rows));
    }
    return { uid, seconds: seconds + (await this.#finish(uid)) };
  }

  /** Backs up all blocks without a base. Dedup finds each. */
  async repeat() {
    const uid = await this.#begin();
    let seconds = 0;
    for (const ids of groups(this.blocks)) {
      const rows = ids.map((id) => ({ ...this.#row(id), found: true }));
      seconds += await this.#timed(() => this.#find(rows));
      seconds += await this.#timed(() => this.#commit(uid, rows));
    }
    return { uid, seconds: seconds + (await this.#finish(uid)) };
  }

  /** @param {string} uid */
  remove(uid) {
    return this.#timed(() => this.store.removeVersion(uid, () => {}));
  }

  /** Reads all rows in order, as a restore does. @param {string} uid */
  iterate(uid) {
    return this.#timed(async () => {
      let after = -1;
      for (let count = 0; count < this.blocks; ) {
        const page = await this.store.blockPage(uid, after, PAGE_ROWS);
        count += page.length;
        after = page.at(-1)?.id ?? this.blocks;
      }
    });
  }

  /** Reads single rows at random. @param {string} uid @param {number} count */
  randomRows(uid, count) {
    return this.#timed(async () => {
      for (const id of randomIds(count, this.blocks)) await this.store.blocksById(uid, [id]);
    });
  }

  /**
   * Looks for contents at random, in groups, as dedup does.
   * @param {number} count
   * @param {'hits' | 'misses'} kind
   */
  lookups(count, kind) {
    const rows = randomIds(count, this.blocks).map((id) => this.#row(id, kind === 'hits' ? '' : randomUUID()));
    return this.#timed(() => this.#find(rows, kind === 'hits'));
  }

  /** Disk usage of all these versions. @param {string[]} uids */
  usage(uids) {
    return this.#timed(() => this.store.diskUsage(uids, () => {}));
  }

  /** The row of a block that was stored. @param {number} id */
  #row(id, more = '') {
    const change = this.#changes[id] ?? 0;
    this.#block.fill(0, 0, MARK_AT).writeUInt32LE(id);
    this.#block.fill(' ', MARK_AT, MARK_AT + MARK_BYTES);
    this.#block.write(`${this.#seed}${change > 0 ? change : ''}${more}`, MARK_AT);
    const checksum = createHash('sha512').update(this.#block).digest('hex');
    const uid = this.#uids[id % this.#uids.length] ?? checksum.slice(0, 32);
    const blob = { uid, checksum, size: this.#block.length };
    return { id, ...blob, encVersion: 0, envKey: null, nonce: null, found: false };
  }

  async #begin() {
    const uid = randomUUID();
    const { sizeBytes } = this.geometry;
    await this.store.createVersion({
      uid,
      name: this.name,
      snapshotName: '',
      size: this.blocks,
      sizeBytes,
      expire: null,
      tags: [],
    });
    return uid;
  }

  /** @param {string} uid @param {BackupRow[]} rows */
  async #commit(uid, rows) {
    const { refused } = await this.store.commitGroup(uid, { rows, sparse: [], counters: () => ({}) }, this.geometry);
    if (refused.length > 0) throw new Error(`${refused.length} blocks were refused`);
  }

  /** @param {string} uid */
  #finish(uid) {
    const { sizeBytes } = this.geometry;
    const version = { uid, date: new Date(), name: this.name, snapshotName: '', size: this.blocks, sizeBytes };
    const state = { valid: false, protected: false, expire: null };
    return this.#timed(async () => {
      if (!(await this.store.finishBackup({ ...version, ...state }, undefined))) throw new Error('the backup is not valid');
    });
  }

  /** @param {BackupRow[]} rows */
  async #find(rows, exist = true) {
    for (let first = 0; first < rows.length; first += LOOKUP_KEYS) {
      const keys = rows.slice(first, first + LOOKUP_KEYS);
      const found = await this.store.findBlobs(keys, 0);
      const wanted = exist ? new Set(keys.map(({ checksum }) => checksum)).size : 0;
      if (found.size !== wanted) throw new Error(`${found.size} of ${wanted} contents were found`);
    }
  }

  /** Ranges without these blocks. @param {readonly number[]} changed */
  #between(changed) {
    let first = 0;
    const ranges = [];
    for (const id of [...changed, this.blocks]) {
      if (id > first) ranges.push({ first, count: id - first });
      first = id + 1;
    }
    return ranges;
  }

  /** @param {() => Promise<unknown>} work */
  async #timed(work) {
    const begin = this.clock();
    await work();
    return this.clock() - begin;
  }
}

/** Ids of all blocks, by group. @param {number} blocks */
function* groups(blocks) {
  for (let first = 0; first < blocks; first += GROUP_ROWS)
    yield Array.from({ length: Math.min(GROUP_ROWS, blocks - first) }, (_, i) => first + i);
}

/** @param {number} count @param {number} below */
function randomIds(count, below) {
  return Array.from({ length: count }, () => Math.floor(Math.random() * below));
}
