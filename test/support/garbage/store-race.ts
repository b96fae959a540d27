import { setTimeout as sleep } from 'node:timers/promises';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { dedupKey } from '../../../src/model/blob.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { sumOf } from '../conformance/meta-lab.ts';
import { seededRandom } from '../images/random.ts';
import { equalRanges, GEOMETRY, type Image, missingBlocks, newImage, newUids, rowOf } from './store-images.ts';

/** Largest number of versions; with more, some are removed. */
const MOST_VERSIONS = 5;
/** Share of steps after which a program is killed. */
const KILLS = 0.02;
/** Blobs that a cleanup dooms together. */
const BATCH = 3;

/** A version, and who uses it: the number of readers, or -1 for a writer. */
interface Version {
  uid: string;
  image: Image;
  isValid: boolean;
  users: number;
}

/** Thrown where a program is killed. */
class Killed extends Error {}

/**
 * Programs on several connections to one database, which back up, remove and clean up at the same
 * time and are killed. The data backend is a map of uids to contents.
 */
export class StoreRace {
  readonly versions = new Set<Version>();
  readonly bytes = new Map<string, number>();
  readonly counts = { backups: 0, refused: 0, removals: 0, cleanups: 0, deleted: 0, killed: 0 };
  readonly #uids = newUids();
  readonly #random: () => number;
  #isCleaning = false;
  #isOver = false;
  #names = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** Lets all stores work until each has done this many operations. */
  async run(stores: readonly MetaStore[], operations: number): Promise<void> {
    const work = stores.map(async (meta) => {
      for (let i = 0; i < operations && !this.#isOver; i++) await this.#operation(meta);
    });
    await Promise.all(work.map((each) => each.catch((error: unknown) => this.#fail(error))));
  }

  #fail(error: unknown): never {
    this.#isOver = true;
    throw error;
  }

  async #operation(meta: MetaStore): Promise<void> {
    const dice = this.#random();
    const version = this.#pick();
    try {
      if (dice < 0.35 && !this.#isCleaning) await this.#alone(() => this.#cleanUp(meta));
      else if (version !== undefined && (dice < 0.6 || this.versions.size > MOST_VERSIONS)) await this.#remove(meta, version);
      else await this.#backUp(meta, version);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.counts.killed++;
    }
    const any = this.#pick();
    if (any !== undefined) await this.#checkNothingLost(meta, any);
  }

  /** A moment in which others may work, or the program's last. */
  async #step(): Promise<void> {
    if (this.#random() < KILLS) throw new Killed();
    if (this.#random() < 0.5) await sleep(this.#random() * 4);
  }

  async #alone(body: () => Promise<void>): Promise<void> {
    this.#isCleaning = true;
    try {
      await body();
    } finally {
      this.#isCleaning = false;
    }
  }

  async #holding(version: Version, mode: 'shared' | 'exclusive', body: () => Promise<void>): Promise<void> {
    if (version.users < 0 || (mode === 'exclusive' && version.users > 0) || !this.versions.has(version)) return;
    version.users = mode === 'shared' ? version.users + 1 : -1;
    try {
      await body();
    } finally {
      version.users = mode === 'shared' ? version.users - 1 : 0;
    }
  }

  async #backUp(meta: MetaStore, other: Version | undefined): Promise<void> {
    const base = other?.isValid === true && this.#random() < 0.7 ? other : undefined;
    const image = newImage(this.#random, base?.image);
    const version: Version = { uid: `v${this.#names++}`, image, isValid: false, users: 0 };
    const size = GEOMETRY.sizeBytes / GEOMETRY.blockSize;
    this.versions.add(version);
    await this.#holding(version, 'exclusive', async () => {
      await meta.createVersion({
        uid: version.uid,
        name: 'vm',
        snapshotName: '',
        size,
        sizeBytes: GEOMETRY.sizeBytes,
        expire: null,
        tags: [],
      });
      if (base !== undefined) await this.#holding(base, 'shared', () => this.#takeOver(meta, base, version));
      const present = await meta.presentBlocks(version.uid, { first: 0, count: size });
      const { data, zero } = missingBlocks(image, present);
      await this.#commit(meta, version, [], zero);
      while (data.length > 0) await this.#write(meta, version, data.splice(0, 1 + Math.floor(this.#random() * 4)));
      const found = await meta.findVersion(version.uid);
      if (found === undefined || !(await meta.finishBackup(found, NO_COUNTS))) throw new Error(`${version.uid} is not finished`);
      version.isValid = true;
      this.counts.backups++;
    });
  }

  async #takeOver(meta: MetaStore, base: Version, version: Version): Promise<void> {
    const ranges = equalRanges(base.image, version.image);
    const counters = () => NO_COUNTS;
    await meta.takeOver({ baseUid: base.uid, versionUid: version.uid, ranges, geometry: GEOMETRY, counters, onCopied: () => {} });
    await this.#step();
  }

  /** Looks for blobs, stores blocks without one, and commits them; refused blocks once more. */
  async #write(meta: MetaStore, version: Version, ids: readonly number[]): Promise<void> {
    const contentOf = (id: number) => version.image.get(id) ?? 0;
    const keys = ids.map((id) => ({ checksum: sumOf(contentOf(id)), size: GEOMETRY.blockSize }));
    const found = await meta.findBlobs(keys, 0);
    await this.#step();
    const rows = ids.map((id) => {
      const blob = found.get(dedupKey({ checksum: sumOf(contentOf(id)), size: GEOMETRY.blockSize }));
      return blob === undefined ? this.#store(id, contentOf(id)) : rowOf(id, contentOf(id), blob.uid, true);
    });
    const refused = await this.#commit(meta, version, rows, []);
    this.counts.refused += refused.length;
    if (refused.length > 0)
      await this.#commit(
        meta,
        version,
        refused.map(({ id }) => this.#store(id, contentOf(id))),
        [],
      );
  }

  #store(id: number, content: number): BackupRow {
    const uid = this.#uids.next().value;
    this.bytes.set(uid, content);
    return rowOf(id, content, uid, false);
  }

  async #commit(
    meta: MetaStore,
    { uid }: Version,
    rows: BackupRow[],
    sparse: { first: number; count: number }[],
  ): Promise<BackupRow[]> {
    await this.#step();
    const { refused } = await meta.commitGroup(uid, { rows, sparse, counters: () => NO_COUNTS }, GEOMETRY);
    await this.#step();
    return refused;
  }

  async #remove(meta: MetaStore, version: Version): Promise<void> {
    await this.#holding(version, 'exclusive', async () => {
      await this.#step();
      await meta.removeVersion(version.uid, () => {});
      this.versions.delete(version);
      this.counts.removals++;
    });
  }

  /** A cleanup of candidates of any age. */
  async #cleanUp(meta: MetaStore): Promise<void> {
    await this.#deleteBytes(meta, await meta.leftDoomed(1_000));
    await meta.dropUsedCandidates(0);
    for (;;) {
      await this.#step();
      const uids = await meta.doomCandidates(0, BATCH, '');
      if (uids.length === 0) break;
      await this.#deleteBytes(meta, uids);
    }
    this.counts.cleanups++;
  }

  async #deleteBytes(meta: MetaStore, uids: readonly string[]): Promise<void> {
    for (const uid of uids) {
      await this.#step();
      if (this.bytes.delete(uid)) this.counts.deleted++;
    }
    await this.#step();
    await meta.forgetDoomed(uids);
  }

  /** Checks all versions, then removes them, and cleans up. */
  async finish(meta: MetaStore): Promise<void> {
    for (const version of [...this.versions]) {
      await this.#checkNothingLost(meta, version);
      await meta.removeVersion(version.uid, () => {});
    }
    this.versions.clear();
    await this.#deleteAll(meta);
  }

  /** A cleanup that nobody kills. */
  async #deleteAll(meta: MetaStore): Promise<void> {
    const doomed = await meta.leftDoomed(1_000);
    await meta.dropUsedCandidates(0);
    for (const uids of [doomed, await meta.doomCandidates(0, 1_000, '')]) {
      for (const uid of uids) this.bytes.delete(uid);
      await meta.forgetDoomed(uids);
    }
  }

  /** @throws Error when a block of the version has no bytes, or others. */
  async #checkNothingLost(meta: MetaStore, version: Version): Promise<void> {
    await this.#holding(version, 'shared', async () => {
      for (const { id, uid } of await meta.blockPage(version.uid, -1, 2_000)) {
        const content = version.image.get(id);
        const stored = uid === null ? undefined : this.bytes.get(uid);
        if (content !== stored) throw new Error(`block ${id} of ${version.uid}: blob ${uid} has ${stored} instead of ${content}`);
      }
    });
  }

  #pick(): Version | undefined {
    return [...this.versions][Math.floor(this.#random() * this.versions.size)];
  }
}
