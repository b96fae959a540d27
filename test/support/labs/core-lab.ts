import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Context } from '../../../src/core/context.ts';
import { DamageGuard } from '../../../src/core/store/damage-guard.ts';
import type { DataBackendOptions } from '../../../src/data/options.ts';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';
import type { BackupRow } from '../../../src/model/block.ts';
import { NO_COUNTS } from '../../../src/model/counters.ts';
import { RUN_DEFAULTS } from '../../../src/model/job.ts';
import type { Layout } from '../../../src/model/layout.ts';
import type { TaggedVersion } from '../../../src/model/version.ts';

/** Bytes of a block in a lab. */
export const BLOCK_SIZE = 4096;

/**
 * A store, locks and a data backend in a temporary folder, and the context that operations of core/
 * take. Starts no process.
 */
export class CoreLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'backy2-core-'));
  readonly dataPath = join(this.folder, 'data');
  readonly meta: MetaStore;
  readonly context: Context;
  /** The clock of the store and of the context. */
  now = new Date('2026-11-23T04:42:24Z');

  private constructor() {
    const now = () => this.now;
    const path = join(this.folder, 'backy.sqlite');
    const limits = { simultaneousReads: 2, simultaneousWrites: 2 };
    mkdirSync(join(this.folder, 'locks'));
    this.meta = sqliteStore({ path, cacheMb: 4, createIfMissing: false, logger: silentLogger, now });
    this.context = {
      meta: this.meta,
      locks: this.otherLocks(),
      logger: silentLogger,
      data: { ...limits, bandwidthRead: 0, bandwidthWrite: 0, backend: { type: 'file', path: this.dataPath, durable: true } },
      io: { file: limits, null: limits, rbd: { ...limits, ...NO_CLUSTER } },
      installationFiles: [],
      settings: {
        blockSize: BLOCK_SIZE,
        hashFunction: 'sha512',
        encryption: { version: 0, key: undefined, compressionLevel: 1 },
        deduplication: true,
        catalogue: true,
        workers: 1,
        cpus: 1,
        hintCheckPercent: 1,
        disallowRmWhenYoungerThanDays: 0,
        keepRemovedSeconds: 3_600,
        cacheDir: this.folder,
        fileMode: 0o600,
        schedulers: [],
        brokenSchedulers: [],
        defaultSchedulers: [],
        slaSchedulers: [],
        slaNewNamesByAge: false,
        jobs: [],
        brokenJobs: [],
        run: RUN_DEFAULTS,
      },
      signal: new AbortController().signal,
      onProgress: () => {},
      now,
      random: () => 0.5,
      onStuckThreads: () => {},
      otherInstances: () => [],
    };
  }

  static async create(layout?: Layout): Promise<CoreLab> {
    const lab = new CoreLab();
    await lab.meta.initialize(layout);
    await lab.meta.open();
    return lab;
  }

  /** The locks of another instance of the program. */
  otherLocks(): FileLockService {
    return new FileLockService(join(this.folder, 'locks'));
  }

  get data(): DataBackendOptions {
    return this.context.data;
  }

  /** A guard like the one an operation on these blobs uses to detect mass damage. */
  guard(onMassDamage: 'stop' | 'goOn' = 'stop', versionUid?: string): DamageGuard {
    return new DamageGuard(this.context, { onMassDamage, versionUid });
  }

  /** Writes a source. @returns its URL. */
  source(bytes: Uint8Array, name = 'image'): string {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return `file://${path}`;
  }

  /** Adds an invalid version of this size, without rows. */
  async newVersion(uid: string, sizeBytes: number): Promise<TaggedVersion> {
    const size = Math.ceil(sizeBytes / BLOCK_SIZE);
    await this.meta.createVersion({ uid, name: 'vm', snapshotName: '', size, sizeBytes, expire: null, tags: [] });
    return this.version(uid);
  }

  /** Adds a valid version with these rows. Creates no blobs. */
  async wholeVersion(uid: string, rows: readonly BackupRow[]): Promise<TaggedVersion> {
    const sizeBytes = rows.reduce((sum, row) => sum + row.size, 0);
    const version = await this.newVersion(uid, sizeBytes);
    const geometry = { blockSize: BLOCK_SIZE, sizeBytes };
    await this.meta.commitGroup(uid, { rows, sparse: [], counters: () => NO_COUNTS }, geometry);
    await this.meta.finishBackup(version, NO_COUNTS);
    return this.version(uid);
  }

  async version(uid: string): Promise<TaggedVersion> {
    const version = await this.meta.findVersion(uid);
    if (version === undefined) throw new Error(`there is no version ${uid}`);
    return version;
  }

  /** Changes the database as another program, or damage, would. */
  sql(statement: string): void {
    const database = new Database(join(this.folder, 'backy.sqlite'));
    database.exec(statement);
    database.close();
  }

  async dispose(): Promise<void> {
    await this.meta.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Options of a cluster that no test asks for. */
const NO_CLUSTER = {
  conffile: undefined,
  clusterName: 'none',
  radosName: 'client.none',
  connectTimeoutSeconds: 1,
  operationTimeoutSeconds: 1,
  newImageFeatures: undefined,
  snapshotPrefix: undefined,
};
