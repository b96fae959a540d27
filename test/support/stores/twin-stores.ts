import { expect } from 'vitest';
import type { BlobName } from '../../../src/meta/block-store.ts';
import type { CheckedPage, Damage } from '../../../src/meta/integrity-store.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import type { BackupRow, BlockRow, DatedBlockRow } from '../../../src/model/block.ts';
import type { BlockRange } from '../../../src/model/block-range.ts';
import type { ComparedRange } from '../../../src/model/comparison.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { blockCount, blockLength, type Geometry } from '../../../src/model/geometry.ts';
import type { TaggedVersion } from '../../../src/model/version.ts';
import { seededRandom } from '../images/random.ts';

/** Steps that {@link TwinStores} can make. */
export const TWIN_STEPS = ['backup', 'takeOver', 'resume', 'bad', 'good', 'remove', 'import', 'heal'] as const;

const BLOCK_SIZE = 100;
/** The block size after a change of the config file. */
const OTHER_BLOCK_SIZE = 130;
const MOST_BLOCKS = 2_300;
/** Images that both block sizes divide into as many blocks. */
const FEW_BLOCKS = 3;
const ALL = { first: 0, count: 10_000 };
const uidOf = (n: number) => `${(n * 7919).toString(16).padStart(10, '0')}${'A'.repeat(22)}`;
const sumOf = (n: number) => n.toString(16).padStart(128, '0');

/** Stores that get the same changes, chosen by a seed. They must answer the same. */
export class TwinStores {
  readonly #stores: readonly [MetaStore, ...MetaStore[]];
  #blobs = 0;
  #versions = 0;
  readonly #blockSizes = new Map<string, number>();
  #random: () => number = Math.random;

  constructor(one: MetaStore, ...others: MetaStore[]) {
    this.#stores = [one, ...others];
  }

  async step(kind: (typeof TWIN_STEPS)[number], seed: number): Promise<void> {
    this.#random = seededRandom(seed);
    await this[kind]();
  }

  async backup(): Promise<void> {
    await this.#fill(await this.#newVersion(this.#anySize()));
  }

  async takeOver(): Promise<void> {
    const base = await this.#anyVersion();
    if (base === undefined) return;
    const size = this.#below(3) > 0 ? base.size : this.#anySize();
    const version = await this.#newVersion(size, size === base.size ? base.sizeBytes : undefined);
    this.#chooseBlockSize(version);
    if (this.#below(4) === 0) await this.#fill(version, 0.1);
    const missing = await this.#missing(version);
    await this.#both((store) =>
      store.takeOver({
        ...{ baseUid: base.uid, versionUid: version.uid, ranges: this.#part(missing), geometry: this.#geometryOf(version) },
        ...{
          counters: (copied) => ({ ...NO_COUNTS, blocksDedup: copied.blocks, bytesSparse: copied.sparseBytes }),
          onCopied: () => {},
        },
      }),
    );
    await this.#fill(version);
  }

  async resume(): Promise<void> {
    const version = await this.#anyVersion((candidate) => !candidate.valid);
    if (version === undefined) return;
    this.#chooseBlockSize(version);
    await this.#both((store) => store.discardBadBlocks(version.uid, this.#geometryOf(version)));
    await this.#fill(version, 1);
  }

  async bad(): Promise<void> {
    const blobs = new Map<string, BlobName>();
    for (let i = 0; i < 3; i++) {
      const row = await this.#anyRow();
      if (row?.uid) blobs.set(row.uid, { uid: row.uid, checksum: row.checksum });
    }
    // Versions of the same date come in any order.
    await this.#both(async (store) =>
      (await store.markBlobsInvalid([...blobs.values()])).map((holders) =>
        holders.map(({ versionUid, id }) => `${versionUid} ${id}`).sort(),
      ),
    );
  }

  /** All versions: in the compact layout, a block is valid or not in all of them at once. */
  async good(): Promise<void> {
    for (const { uid } of await this.#stores[0].listVersions({})) await this.#both((store) => store.setVersionValid(uid));
  }

  async remove(): Promise<void> {
    const version = await this.#anyVersion();
    if (version !== undefined) await this.#both((store) => store.removeVersion(version.uid, () => {}));
  }

  async import(): Promise<void> {
    const version = await this.#anyVersion();
    if (version === undefined) return;
    const copy = { ...version, uid: this.#nextUid() };
    this.#blockSizes.set(copy.uid, this.#geometryOf(version).blockSize);
    await this.#both((store) => store.importVersion(copy, datedRows(store, version.uid)));
  }

  async heal(): Promise<void> {
    const row = await this.#anyRow((candidate) => !candidate.valid);
    if (row?.uid == null || row.checksum === null) return;
    const { checksum, size } = row;
    const blob = { uid: uidOf(++this.#blobs), checksum, size, encVersion: 1, envKey: 'aa', nonce: 'bb' };
    const { versions } = await this.#both(async (store) => {
      const healing = await store.heal([blob]);
      return { ...healing, versions: [...healing.versions].sort() };
    });
    await this.#both(async (store) => (await store.validateWhole(versions)).sort());
  }

  /** Compares all that the stores tell about their versions. */
  async compare(): Promise<void> {
    const versions = await this.#both((store) => store.listVersions({}));
    for (const { uid, size } of versions) {
      const rows = await this.#both((store) => allRows(store, uid));
      const [from, to] = [this.#below(size), this.#below(size)];
      const other = versions[this.#below(versions.length)]?.uid ?? '';
      const ids = Array.from({ length: 20 }, () => this.#below(size + 5));
      await this.#both(async (store) => ({
        counted: await store.countBlocks(uid),
        ids: [await store.checkIds(uid, size), await store.checkIds(uid, from)],
        present: await store.presentBlocks(uid, { first: Math.min(from, to), count: Math.abs(to - from) }),
        byId: await store.blocksById(uid, ids),
        bad: await store.badBlockPage(uid, from - 1, 10),
        compared: await comparedBlocks(store, [uid, other], from - 1),
        counters: await store.countersFromRows(uid),
        saved: await store.savedCounters(uid),
        usage: (await store.diskUsage([uid], () => {})).map(rounded),
      }));
      for (const store of this.#stores) expect(await damageOf(store, uid)).toEqual([]);
      const uids = new Set(rows.map((row) => row.uid));
      for (const store of this.#stores)
        for (const { uid: sampled } of await store.sampleBlobs({ limit: 5, versionUid: uid, random: this.#random }))
          expect(uids).toContain(sampled);
    }
    const all = versions.map(({ uid }) => uid);
    await this.#both(async (store) => (await store.diskUsage(all, () => {})).map(rounded));
    await this.#both((store) => store.enrolBlobs(1000, () => {}));
    await this.#both((store) => store.coverage([500], 2000, () => {}));
    await this.#both(async (store) => (await store.longestUnchecked(undefined, 2000, 10_000)).blobs.map(({ uid }) => uid));
  }

  /** Does the same to all stores. @returns what all answered. */
  async #both<T>(body: (store: MetaStore) => Promise<T>): Promise<T> {
    const random = this.#random;
    const seed = Math.floor(random() * 2 ** 31);
    const answers: T[] = [];
    for (const store of this.#stores) {
      this.#random = seededRandom(seed);
      answers.push(await body(store));
    }
    this.#random = random;
    for (const answer of answers.slice(1)) expect(answer).toEqual(answers[0]);
    return answers[0] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #anySize(): number {
    return 1 + this.#below(this.#below(3) === 0 ? FEW_BLOCKS : MOST_BLOCKS);
  }

  /** Another block size, if the version has as many blocks then. */
  #chooseBlockSize({ uid, size, sizeBytes }: TaggedVersion): void {
    const blockSize = this.#below(2) === 0 ? BLOCK_SIZE : OTHER_BLOCK_SIZE;
    if (blockCount({ blockSize, sizeBytes }) === size) this.#blockSizes.set(uid, blockSize);
  }

  #geometryOf({ uid, sizeBytes }: TaggedVersion): Geometry {
    return { blockSize: this.#blockSizes.get(uid) ?? BLOCK_SIZE, sizeBytes };
  }

  #nextUid(): string {
    return `v${++this.#versions}`;
  }

  async #newVersion(size: number, sizeBytes = size * BLOCK_SIZE - this.#below(2) * 40): Promise<TaggedVersion> {
    const uid = this.#nextUid();
    const version = { uid, name: `vm${this.#below(2)}`, snapshotName: '', size, sizeBytes, expire: null, tags: [] };
    await this.#both((store) => store.createVersion(version));
    return (await this.#stores[0].findVersion(uid)) as TaggedVersion;
  }

  async #anyVersion(fits: (version: TaggedVersion) => boolean = () => true): Promise<TaggedVersion | undefined> {
    const versions = (await this.#stores[0].listVersions({})).filter(fits);
    return versions[this.#below(versions.length)];
  }

  async #anyRow(fits: (row: BlockRow) => boolean = () => true): Promise<BlockRow | undefined> {
    const version = await this.#anyVersion();
    if (version === undefined) return undefined;
    const rows = (await allRows(this.#stores[0], version.uid)).filter(fits);
    return rows[this.#below(rows.length)];
  }

  async #missing(version: TaggedVersion): Promise<BlockRange[]> {
    const missing: BlockRange[] = [];
    let at = 0;
    for (const { first, count } of [
      ...(await this.#stores[0].presentBlocks(version.uid, ALL)),
      { first: version.size, count: 0 },
    ]) {
      if (first > at) missing.push({ first: at, count: first - at });
      at = first + count;
    }
    return missing;
  }

  /** Some of the blocks of ranges, or all of them. */
  #part(ranges: readonly BlockRange[]): BlockRange[] {
    if (this.#below(3) > 0) return [...ranges];
    return ranges.flatMap(({ first, count }) => {
      const skipped = this.#below(count);
      const middle = this.#below(count - skipped);
      return [
        { first: first + skipped, count: middle },
        { first: first + skipped + middle, count: this.#below(count - skipped - middle) },
      ].filter((range) => range.count > 0);
    });
  }

  /** Commits missing blocks in groups, and finishes the version if none is left. */
  async #fill(version: TaggedVersion, share = this.#below(4) === 0 ? 0.5 : 1): Promise<void> {
    const known = await this.#anyRow((row) => row.uid !== null && row.size === BLOCK_SIZE && row.valid);
    const stretches: BlockRange[] = [];
    for (const { first, count } of await this.#missing(version)) {
      for (let at = first; at < first + count; at += stretches.at(-1)?.count ?? 1)
        stretches.push({ first: at, count: Math.min(first + count - at, 1 + this.#below(1200)) });
    }
    // Blocks end in any order.
    for (const stretch of this.#below(2) === 0 ? stretches : stretches.reverse())
      if (this.#random() < share) await this.#commit(version, stretch, known);
    if ((await this.#missing(version)).length === 0)
      await this.#both((store) => store.finishBackup(version, { ...NO_COUNTS, blocksRead: 1 }));
  }

  async #commit(version: TaggedVersion, { first, count }: BlockRange, known: BlockRow | undefined): Promise<void> {
    const kind = this.#below(4);
    const rows: BackupRow[] = [];
    const sparse: BlockRange[] = [];
    if (kind === 0) sparse.push({ first, count });
    else
      for (let id = first; id < first + count; id++) {
        const size = blockLength(this.#geometryOf(version), id);
        if (kind === 2 && this.#below(10) === 0) sparse.push({ first: id, count: 1 });
        else if (kind === 3 && known?.size === size) rows.push({ ...known, id, found: true });
        else rows.push({ ...{ id, uid: uidOf(++this.#blobs), checksum: sumOf(this.#blobs), size }, ...PLAIN, found: false });
      }
    rows.sort(() => this.#random() - 0.5);
    const group = { rows, sparse, heals: this.#below(2) === 0, counters: () => NO_COUNTS };
    await this.#both((store) => store.commitGroup(version.uid, group, this.#geometryOf(version)));
  }
}

const PLAIN = { encVersion: 0, envKey: null, nonce: null };

/** The damage that a check of the database finds in a version. */
async function damageOf(store: MetaStore, uid: string): Promise<Damage[]> {
  const damage = await store.checkVersion(uid);
  for (let after: number | undefined = -1; after !== undefined; ) {
    const page: CheckedPage = await store.checkedPage(uid, after, 1000);
    damage.push(...page.damage);
    after = page.after;
  }
  return damage;
}

async function allRows(store: MetaStore, uid: string): Promise<BlockRow[]> {
  const rows: BlockRow[] = [];
  for (let page = await store.blockPage(uid, -1, 700); page.length > 0; ) {
    rows.push(...page);
    page = await store.blockPage(uid, page.at(-1)?.id ?? 0, 700);
  }
  return rows;
}

/** Both versions compared page by page; the stores choose the ends of pages. */
async function comparedBlocks(store: MetaStore, [left, right]: [string, string], afterId: number): Promise<string[]> {
  const blocks: string[] = [];
  const add = ({ change, first, count }: ComparedRange) => {
    for (let id = first; id < first + count; id++) blocks.push(`${change} ${id}`);
  };
  for (let after = afterId; after < Number.POSITIVE_INFINITY; ) {
    const { ranges, end } = await store.compareVersions(left, right, after, 1500);
    ranges.forEach(add);
    after = end;
  }
  return blocks;
}

async function* datedRows(store: MetaStore, uid: string): AsyncIterable<DatedBlockRow> {
  for (let after = -1; ; ) {
    const page = await store.datedBlockPage(uid, after, 900);
    yield* page;
    const end = page.at(-1);
    if (end === undefined) return;
    after = end.id;
  }
}

function rounded(usage: { estimated: number }) {
  return { ...usage, estimated: Math.round(usage.estimated * 1000) / 1000 };
}
