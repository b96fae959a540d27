import type { DataBackendOptions, EncryptionOptions } from '../data/options.ts';
import type { IoOptions } from '../io/options.ts';
import type { LockService } from '../locking/lock.ts';
import type { Logger } from '../logger.ts';
import type { MetaStore } from '../meta/meta-store.ts';
import type { JobSettings } from '../model/job.ts';
import type { Layout } from '../model/layout.ts';
import type { SchedulerSettings } from '../model/scheduler.ts';
import type { InstallationFile } from './files/installation-files.ts';
import type { OnProgress } from './progress.ts';

/** Everything that operations work with. It is passed in, so that tests can replace parts of it. */
export interface Context {
  meta: MetaStore;
  locks: LockService;
  logger: Logger;
  data: DataBackendOptions;
  io: IoOptions;
  settings: Settings;
  /** Files that no restore, export or copy may overwrite. */
  installationFiles: readonly InstallationFile[];
  /**
   * Aborted when the user stops the program, or when locks are lost. Its reason is the error to end
   * with.
   */
  signal: AbortSignal;
  onProgress: OnProgress;
  now(): Date;
  /** A number from 0 to below 1. */
  random(): number;
  /** Called when threads hang: the process must not wait for them. */
  onStuckThreads(): void;
  /** Titles of other backy2 processes on this host, those of the original included. */
  otherInstances(): string[];
}

/** Settings of backy.cfg that operations use. */
export interface Settings extends SchedulerSettings, JobSettings {
  /** The layout that the database must have; undefined: any. */
  layout?: Layout | undefined;
  /** Bytes. */
  blockSize: number;
  hashFunction: string;
  encryption: EncryptionOptions;
  deduplication: boolean;
  /** Keep the catalogue in the data backend up to date. */
  catalogue: boolean;
  /** Threads that move blocks. Undefined: see `workersFor`. */
  workers: number | undefined;
  /** CPUs that the program may use. */
  cpus: number;
  hintCheckPercent: number;
  disallowRmWhenYoungerThanDays: number;
  /** How long removed versions can come back: age from which a cleanup takes their blobs. */
  keepRemovedSeconds: number;
  /** A folder for files that may be deleted at any time. */
  cacheDir: string;
  /** Mode of files that are created (src/native/create-file.ts). */
  fileMode: number;
}
