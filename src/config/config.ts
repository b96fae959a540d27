import type { DataBackendOptions, RecoveryOptions } from '../data/options.ts';
import type { IoOptions } from '../io/options.ts';
import type { JobSettings } from '../model/job.ts';
import type { Layout } from '../model/layout.ts';
import type { Scheduler } from '../model/scheduler.ts';

/**
 * A section with a missing or wrong option. A scheduler's fails only reports, a job's only what
 * runs jobs.
 */
export interface BrokenSection {
  /** Of the scheduler or job. */
  name: string;
  /** One line that names file, section, option and allowed values. */
  problem: string;
}

/**
 * backy.cfg, read and checked (docs/spec/formats.md §7). Relative paths start at the current
 * folder.
 */
export interface Config extends JobSettings {
  /** The files that were read, in order; empty with the embedded default. */
  files: string[];
  /** True if no config file exists. The database is then created on first use. */
  embedded: boolean;
  logfile: string;
  /** Bytes. */
  blockSize: number;
  /** A name of Python's hashlib that Node supports. */
  hashFunction: string;
  /** Empty: no locking. */
  lockDir: string;
  cacheDir: string;
  processName: string;
  /** Mode of files that are created. */
  fileMode: number;
  disallowRmWhenYoungerThanDays: number;
  /** How long removed versions can come back: age from which a cleanup takes their blobs. */
  keepRemovedSeconds: number;
  deduplication: boolean;
  /** Keep a catalogue in the data backend. */
  catalogue: boolean;
  /** Worker threads; undefined: as the work needs, at most one per CPU. */
  workers: number | undefined;
  /** Number of CPUs that the program may use. */
  cpus: number;
  /**
   * Percentage of the unchanged blocks that a hinted backup compares with its base; 0: 10 blocks.
   */
  hintCheckPercent: number;
  compressionLevel: number;
  /** 64 hex digits. */
  encryptionKey: string | undefined;
  encryptionVersion: 0 | 1;
  /** Neither encryption_version nor encryption_key is set. The version is 0 then. */
  encryptionAssumed: boolean;
  /** The file of the recovery key or passphrase. It is read when it is needed. */
  recovery: RecoveryOptions | undefined;
  defaultSchedulers: string[];
  slaSchedulers: string[];
  slaNewNamesByAge: boolean;
  /** An engine URL (docs/spec/formats.md §3); only its scheme is checked. */
  engine: string;
  /** The layout that the database must have, and that initdb makes; undefined: any. */
  layout: Layout | undefined;
  /** MiB of page cache for SQLite. */
  sqliteCacheMb: number;
  data: DataBackendOptions;
  io: IoOptions;
  schedulers: Scheduler[];
  brokenSchedulers: BrokenSection[];
  /** Log lines about unknown options and sections, and about exposed secrets. */
  warnings: string[];
}
