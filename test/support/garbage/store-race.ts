import { setTimeout as sleep } from 'node:timers/promises';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { LOCK_NAMES, type LockMode } from '../../../src/locking/lock.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { dedupKey } from '../../../src/model/blob.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { Version } from '../../../src/model/version.ts';
import { sumOf } from '../conformance/numbered-blobs.ts';
import { seededRandom } from '../images/random.ts';
import type { RaceWorld } from './race-world.ts';
import { equalRanges, GEOMETRY, type Image, missingBlocks, newImage, rowOf } from './store-images.ts';

/** Share of removals among other operations. */
const REMOVALS = 0.4;
/** Blobs that a cleanup dooms together. */
const BATCH = 3;
const MANY = 1_000;

/** Thrown where a program is killed. */
class Killed extends Error {}

/** How programs of a race work. */
interface RaceOptions {
  seed: number;
  world: RaceWorld;
  /** Share of steps after which a program is killed; none when absent. */
  kills?: number;
  /** Share of operations that are cleanups. */
  cleanups?: number;
  /** With more versions, some are removed. The fewer, the more blobs are candidates. */
  mostVersions?: number;
  /** A number in the uids of its versions: other processes have others. */
  part?: number;
}

/** A version that is being made. */
interface Backup {
  uid: string;
  image: Image;
}

/**
 * Programs on several connections to one database, which back up, remove and clean up at the same
 * time and are killed. Other processes may do the same, in the same world.
 */
export class StoreRace {
  readonly #world: RaceWorld;
  readonly #random: () => number;
  readonly #kills: number;
  readonly #cleanups: number;
  readonly #mostVersions: number;
  readonly #part: number;
  #isOver = false;
  #names = 0;

  constructor({ seed, world, kills = 0, cleanups = 0.35, mostVersions = 5, part = 0 }: RaceOptions) {
    this.#world = world;
    this.#random = seededRandom(seed);
    this.#kills = kills;
    this.#cleanups = cleanups;
    this.#mostVersions = mostVersions;
    this.#part = part;
  }

  /** Lets all stores work until each has done this many operations, or until `isOver`. */
  async run(stores: readonly MetaStore[], operations: number, isOver = () => false): Promise<void> {
    const work = stores.map(async (meta) => {
      for (let i = 0; i < operations && !this.#isOver && !isOver(); i++) await this.#operation(meta);
    });
    await Promise.all(work.map((each) => each.catch((error: unknown) => this.#fail(error))));
  }

  #fail(error: unknown): never {
    this.#isOver = true;
    throw error;
  }

  async #operation(meta: MetaStore): Promise<void> {
    const versions = await meta.listVersions({});
    const version = this.#pick(versions);
    try {
      if (this.#random() < this.#cleanups)
        await this.#world.holding(LOCK_NAMES.fastCleanup, 'exclusive', () => this.#cleanUp(meta));
      else if (version !== undefined && (this.#random() < REMOVALS || versions.length > this.#mostVersions))
        await this.#remove(meta, version);
      else await this.#backUp(meta, version);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.#world.count('killed');
    }
    const any = this.#pick(await meta.listVersions({}));
    if (any !== undefined) await this.#checkNothingLost(meta, any);
  }

  /** A moment in which others may work, or the program's last. */
  async #step(): Promise<void> {
    if (this.#random() < this.#kills) throw new Killed();
    if (this.#random() < 0.5) await sleep(this.#random() * this.#world.pauseMs);
  }

  /** Runs `body` with the lock of a version, if it is still there. */
  async #holding(meta: MetaStore, uid: string, mode: LockMode, body: (version: Version) => Promise<void>): Promise<void> {
    await this.#world.holding(uid, mode, async () => {
      const version = await meta.findVersion(uid);
      if (version !== undefined) await body(version);
    });
  }

  async #backUp(meta: MetaStore, other: Version | undefined): Promise<void> {
    const base = other?.valid === true && this.#random() < 0.7 ? other : undefined;
    const image = newImage(this.#random, base === undefined ? undefined : this.#world.imageOf(base.uid));
    const version: Backup = { uid: `v${this.#part}-${this.#names++}`, image };
    const size = GEOMETRY.sizeBytes / GEOMETRY.blockSize;
    this.#world.keepImage(version.uid, image);
    await this.#world.holding(version.uid, 'exclusive', async () => {
      await meta.createVersion({
        uid: version.uid,
        name: 'vm',
        snapshotName: '',
        size,
        sizeBytes: GEOMETRY.sizeBytes,
        expire: null,
        tags: [],
      });
      if (base !== undefined)
        await this.#holding(meta, base.uid, 'shared', async ({ valid }) => {
          if (valid) await this.#takeOver(meta, base.uid, version);
        });
      const present = await meta.presentBlocks(version.uid, { first: 0, count: size });
      const { data, zero } = missingBlocks(image, present);
      await this.#commit(meta, version, [], zero);
      while (data.length > 0) await this.#write(meta, version, data.splice(0, 1 + Math.floor(this.#random() * 4)));
      const found = await meta.findVersion(version.uid);
      if (found === undefined || !(await meta.finishBackup(found, NO_COUNTS))) throw new Error(`${version.uid} is not finished`);
      this.#world.count('backups');
    });
  }

  async #takeOver(meta: MetaStore, baseUid: string, version: Backup): Promise<void> {
    const ranges = equalRanges(this.#world.imageOf(baseUid), version.image);
    const counters = () => NO_COUNTS;
    await meta.takeOver({ baseUid, versionUid: version.uid, ranges, geometry: GEOMETRY, counters, onCopied: () => {} });
    await this.#step();
  }

  /** Looks for blobs, stores blocks without one, and commits them; refused blocks once more. */
  async #write(meta: MetaStore, version: Backup, ids: readonly number[]): Promise<void> {
    const contentOf = (id: number) => version.image.get(id) ?? 0;
    const keys = ids.map((id) => ({ checksum: sumOf(contentOf(id)), size: GEOMETRY.blockSize }));
    const found = await meta.findBlobs(keys, 0);
    await this.#step();
    const rows = ids.map((id) => {
      const blob = found.get(dedupKey({ checksum: sumOf(contentOf(id)), size: GEOMETRY.blockSize }));
      return blob === undefined ? this.#store(id, contentOf(id)) : rowOf(id, contentOf(id), blob.uid, true);
    });
    const refused = await this.#commit(meta, version, rows, []);
    this.#world.count('refused', refused.length);
    if (refused.length > 0)
      await this.#commit(
        meta,
        version,
        refused.map(({ id }) => this.#store(id, contentOf(id))),
        [],
      );
  }

  #store(id: number, content: number): BackupRow {
    const uid = newBlobUid();
    this.#world.store(uid, content);
    return rowOf(id, content, uid, false);
  }

  async #commit(
    meta: MetaStore,
    { uid }: Backup,
    rows: BackupRow[],
    sparse: { first: number; count: number }[],
  ): Promise<BackupRow[]> {
    await this.#step();
    const { refused } = await meta.commitGroup(uid, { rows, sparse, counters: () => NO_COUNTS }, GEOMETRY);
    await this.#step();
    return refused;
  }

  async #remove(meta: MetaStore, { uid }: Version): Promise<void> {
    await this.#holding(meta, uid, 'exclusive', async () => {
      await this.#step();
      await meta.removeVersion(uid, () => {});
      this.#world.count('removals');
    });
  }

  /** A cleanup of candidates of any age. */
  async #cleanUp(meta: MetaStore): Promise<void> {
    await this.#deleteBytes(meta, await meta.leftDoomed(MANY));
    await meta.dropUsedCandidates(0, () => this.#world.afterSearch());
    for (;;) {
      await this.#step();
      const uids = await meta.doomCandidates(0, BATCH, '');
      if (uids.length === 0) break;
      await this.#deleteBytes(meta, uids);
    }
    this.#world.count('cleanups');
  }

  async #deleteBytes(meta: MetaStore, uids: readonly string[]): Promise<void> {
    for (const uid of uids) {
      await this.#step();
      if (this.#world.delete(uid)) this.#world.count('deleted');
    }
    await this.#step();
    await meta.forgetDoomed(uids);
  }

  /** Checks all versions, then removes them, and cleans up. */
  async finish(meta: MetaStore): Promise<void> {
    await this.checkAll(meta);
    for (const { uid } of await meta.listVersions({})) await meta.removeVersion(uid, () => {});
    await this.#deleteAll(meta);
  }

  /** @throws Error when a block of a version has no bytes, or others. */
  async checkAll(meta: MetaStore): Promise<void> {
    for (const version of await meta.listVersions({})) await this.#checkNothingLost(meta, version);
  }

  /** A cleanup that nobody kills. */
  async #deleteAll(meta: MetaStore): Promise<void> {
    let uids = await meta.leftDoomed(MANY);
    await meta.dropUsedCandidates(0);
    do {
      for (const uid of uids) this.#world.delete(uid);
      await meta.forgetDoomed(uids);
      uids = await meta.doomCandidates(0, MANY, '');
    } while (uids.length > 0);
  }

  async #checkNothingLost(meta: MetaStore, { uid: versionUid }: Version): Promise<void> {
    await this.#holding(meta, versionUid, 'shared', async ({ size, valid }) => {
      const image = this.#world.imageOf(versionUid);
      const rows = await meta.blockPage(versionUid, -1, 2_000);
      if (valid && rows.length !== size) throw new Error(`${versionUid} is valid, but has ${rows.length} of ${size} blocks`);
      for (const { id, uid } of rows) {
        const content = image.get(id);
        const stored = uid === null ? undefined : this.#world.contentOf(uid);
        if (content !== stored) throw new Error(`block ${id} of ${versionUid}: blob ${uid} has ${stored} instead of ${content}`);
      }
    });
  }

  #pick(versions: readonly Version[]): Version | undefined {
    return versions[Math.floor(this.#random() * versions.length)];
  }
}
