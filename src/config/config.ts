import type { DataBackendOptions } from '../data/options.ts';
import type { IoOptions } from '../io/options.ts';
import type { Scheduler } from '../model/scheduler.ts';

/** A scheduler section with a missing or wrong option. Only `due` and `sla` care, so it fails no other command. */
export interface BrokenScheduler {
  name: string;
  /** Whole sentences on one line that name file, section, option and what is allowed. */
  problem: string;
}

/** backy.cfg, read and checked (formats.md §7, the table of cli.md). Paths are as given, relative ones to the current folder. */
export interface Config {
  /** The files that were read, in order; empty: the embedded default is in use. */
  files: string[];
  /** True when no config file exists anywhere: the database is then created on first use. */
  embedded: boolean;
  logfile: string;
  /** Bytes. */
  blockSize: number;
  /** A name of Python's hashlib, known to Node and checked. */
  hashFunction: string;
  /** Empty: no locking. */
  lockDir: string;
  cacheDir: string;
  processName: string;
  disallowRmWhenYoungerThanDays: number;
  deduplication: boolean;
  /** Worker threads; undefined: what the work is worth, up to one a CPU. */
  workers: number | undefined;
  /** CPUs that the program may use. */
  cpus: number;
  /** Percent of the untouched blocks that a hinted backup compares with its base; 0 means 10 blocks. */
  hintCheckPercent: number;
  compressionLevel: number;
  /** 64 hex digits. */
  encryptionKey: string | undefined;
  encryptionVersion: 0 | 1;
  defaultSchedulers: string[];
  slaSchedulers: string[];
  /** An engine URL as in formats.md §3; only its scheme has been checked. */
  engine: string;
  /** MiB of page cache for SQLite. */
  sqliteCacheMb: number;
  data: DataBackendOptions;
  io: IoOptions;
  schedulers: Scheduler[];
  brokenSchedulers: BrokenScheduler[];
  /** One line each, to be logged: options and sections that nothing reads. */
  warnings: string[];
}
