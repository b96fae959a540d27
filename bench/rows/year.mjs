import { join } from 'node:path';
import { Image } from '../lib/image.mjs';
import { loadStores } from '../lib/meta-stores.mjs';
import { ownCpuSeconds } from '../lib/processor-time.mjs';
import { toRow } from '../lib/rounds.mjs';
import { usedBytes } from '../lib/used-bytes.mjs';

const BLOCK_BYTES = 512;
const MIB = 1024 ** 2;
const DAY_MS = 24 * 3600 * 1000;
const CHANGED = 0.01;
/** Versions are kept for a week, and those of one weekday for four. */
const [DAYS, WEEKS] = [7, 4];
const CANDIDATE_AGE_S = 3600;
const DELETED_AT_ONCE = 1000;
/** Tolerance for what changes at random, and of the machine. */
const [MOST_GROWTH, MOST_SLOWER] = [1.1, 1.3];

/** @typedef {import('../../src/meta/meta-store.ts').MetaStore} MetaStore */
/**
 * Costs of a night in seconds of the processor, and the size after it.
 * @typedef {{ backups: number, removals: number, cleanup: number, bytes: number }} Night
 */

/**
 * A year of nightly backups on the compact layout: hinted ones of changed blocks at random,
 * retention, removal and cleanup. Images are small, but each night changes each of their leaves, as
 * it does with large ones. The limit of each row is a month half as long ago: nothing may grow once
 * retention removes as much as backups add.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* year(workspace) {
  const blocks = workspace.quick ? 2_000 : (workspace.blocks ?? 10_000);
  const size = workspace.quick ? { images: 5, nights: 60, blocks } : { images: 50, nights: 365, blocks };
  // In memory: syncs of a disk would take most of the time.
  const path = join(workspace.folder('memory', 'year'), 'backy.sqlite');
  let now = Date.UTC(2026, 0, 1);
  const store = (await loadStores(workspace)).sqlite(path, () => new Date(now));
  await store.initialize('compact');
  await store.open();
  const images = Array.from({ length: size.images }, (_, i) => new KeptImage(store, i, size.blocks));
  /** @type {Night[]} */
  const nights = [];
  for (let number = 0; number < size.nights; number++, now += DAY_MS) {
    let [backups, removals] = [0, 0];
    for (const image of images) {
      backups += await image.backUp(number);
      removals += await image.expire(number);
    }
    const cleanup = await cleanUp(store);
    nights.push({ backups, removals, cleanup, bytes: usedBytes(path) });
  }
  const versions = images.reduce((sum, { count }) => sum + count, 0);
  await store.close();
  yield* rowsOf(nights, { ...size, versions });
}

/** @param {Night[]} nights @param {{ images: number, nights: number, blocks: number, versions: number }} size */
function* rowsOf(nights, size) {
  const of = `${size.images} images of ${size.blocks} blocks, ${size.nights} nights`;
  const month = Math.min(30, Math.floor(size.nights / 4));
  const middle = Math.floor(size.nights / 2);
  const mean = (/** @type {Night[]} */ some, /** @type {keyof Night} */ key) =>
    some.reduce((sum, night) => sum + night[key], 0) / some.length;
  const months = (/** @type {keyof Night} */ key) => ({
    ours: mean(nights.slice(-month), key),
    limit: mean(nights.slice(middle - month, middle), key),
  });
  const row = { name: 'year', unit: 's' };
  const { ours, limit } = months('bytes');
  const rows = size.versions * size.blocks;
  yield toRow({ ...row, unit: 'MiB', what: `${of}: size, vs half way`, atMost: MOST_GROWTH }, [
    { ours: ours / MIB, limit: limit / MIB },
  ]);
  yield toRow({ ...row, unit: 'bytes', what: `${of}: per block of each version, vs half way` }, [
    { ours: ours / rows, limit: limit / rows },
  ]);
  for (const [key, what] of /** @type {const} */ ([
    ['backups', 'backups of a night'],
    ['removals', 'removals of a night'],
    ['cleanup', 'cleanup of a night'],
  ]))
    yield toRow({ ...row, what: `${of}: ${what}, vs half way`, atMost: MOST_SLOWER }, [months(key)]);
}

/** An image and its versions, oldest first. */
class KeptImage {
  /** @type {{ uid: string, night: number }[]} */
  #versions = [];
  /** @type {Image} */
  #image;

  /** @param {MetaStore} store @param {number} number @param {number} blocks */
  constructor(store, number, blocks) {
    const name = `vm${number}`;
    this.#image = new Image(store, { blocks, blockSize: BLOCK_BYTES, name, seed: `${name}:`, clock: ownCpuSeconds });
  }

  get count() {
    return this.#versions.length;
  }

  /** @param {number} night @returns seconds. */
  async backUp(night) {
    const base = this.#versions.at(-1);
    const { blocks } = this.#image;
    const changed = new Set(Array.from({ length: blocks * CHANGED }, () => Math.floor(Math.random() * blocks)));
    const sorted = [...changed].sort((a, b) => a - b);
    const { uid, seconds } = base === undefined ? await this.#image.full() : await this.#image.hinted(base.uid, sorted);
    this.#versions.push({ uid, night });
    return seconds;
  }

  /** Removes the versions that are not kept any more. @param {number} tonight @returns seconds. */
  async expire(tonight) {
    let seconds = 0;
    const isKept = (/** @type {{ night: number }} */ { night }) =>
      tonight - night < DAYS || (night % 7 === 0 && tonight - night < 7 * WEEKS);
    for (const version of this.#versions.filter((one) => !isKept(one))) seconds += await this.#image.remove(version.uid);
    this.#versions = this.#versions.filter(isKept);
    return seconds;
  }
}

/** The metadata's part of `cleanup`. @param {MetaStore} store @returns seconds. */
async function cleanUp(store) {
  const begin = ownCpuSeconds();
  await store.dropUsedCandidates(CANDIDATE_AGE_S);
  for (let uids = ['']; uids.length > 0; ) {
    uids = await store.doomCandidates(CANDIDATE_AGE_S, DELETED_AT_ONCE, '');
    await store.forgetDoomed(uids);
  }
  return ownCpuSeconds() - begin;
}
