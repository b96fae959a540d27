import { afterEach, beforeEach } from 'vitest';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import type { BlockRange } from '../../../src/model/block-range.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import type { Layout } from '../../../src/model/layout.ts';
import { sumOf, uidOf } from './numbered-blobs.ts';

/** How a suite gets stores of one database. */
export interface MetaStoreFixture {
  /** Of the database; classic when absent. */
  layout?: Layout;
  /** A store that is not open yet; all of a test share one database. */
  store(): MetaStore;
  /** Moves the clock that the stores see. */
  setNow(now: Date): void;
  /** Makes all candidates for deletion older, whatever clock gave them their time. */
  ageCandidates(seconds: number): Promise<void>;
  dispose(): Promise<void>;
}

/** The time at which each test begins. */
export const NOW = new Date('2026-11-23T04:42:24.910Z');
/** The image of each version: 10 blocks, of which the last is shorter. */
export const GEOMETRY = { blockSize: 100, sizeBytes: 950 };

/** A row of a block with blob number `blob`. */
export function row(id: number, blob: number, found = false): BackupRow {
  return {
    ...{ id, uid: uidOf(blob), checksum: sumOf(blob), size: id === 9 ? 50 : 100 },
    ...{ encVersion: 0, envKey: null, nonce: null, found },
  };
}

/** A new, open store for each test, and ways to fill it. */
export class MetaLab {
  #fixture: MetaStoreFixture | undefined;
  #meta: MetaStore | undefined;

  /** Registers what runs before and after each test of the suite at hand. */
  constructor(create: () => Promise<MetaStoreFixture>) {
    beforeEach(async () => {
      this.#fixture = await create();
      this.fixture.setNow(NOW);
      this.#meta = this.fixture.store();
      await this.meta.initialize(this.fixture.layout);
      await this.meta.open();
    });
    afterEach(async () => {
      await this.meta.close();
      await this.fixture.dispose();
    });
  }

  get fixture(): MetaStoreFixture {
    if (this.#fixture === undefined) throw new Error('no test runs');
    return this.#fixture;
  }

  get meta(): MetaStore {
    if (this.#meta === undefined) throw new Error('no test runs');
    return this.#meta;
  }

  readonly newVersion = (uid: string, name = 'vm', tags: string[] = []) =>
    this.meta.createVersion({ uid, name, snapshotName: '', size: 10, sizeBytes: 950, expire: null, tags });

  readonly commit = (uid: string, rows: BackupRow[], sparse: BlockRange[] = []) =>
    this.meta.commitGroup(uid, { rows, sparse, counters: () => NO_COUNTS }, GEOMETRY);

  readonly finish = async (uid: string) => {
    const version = await this.meta.findVersion(uid);
    if (version === undefined) throw new Error('no version');
    await this.meta.finishBackup(version, NO_COUNTS);
  };

  /** Dooms candidates, those that were just added too. */
  readonly doom = async (minAgeSeconds: number, limit: number, prefix: string) => {
    await this.meta.dropUsedCandidates(minAgeSeconds);
    return this.meta.doomCandidates(minAgeSeconds, limit, prefix);
  };

  readonly rowsOf = (uid: string) => this.meta.blockPage(uid, -1, 1000);

  /** A finished version of ten blocks, with blobs from number `blobs` on. */
  readonly whole = async (uid: string, blobs: number, name = 'vm') => {
    await this.newVersion(uid, name);
    const rows = Array.from({ length: 10 }, (_, id) => row(id, blobs + id));
    await this.commit(uid, rows);
    await this.finish(uid);
  };
}
