import type { DataBackendOptions, EncryptionOptions } from '../data/options.ts';
import type { IoOptions } from '../io/options.ts';
import type { LockService } from '../locking/lock.ts';
import type { Logger } from '../logger.ts';
import type { MetaStore } from '../meta/meta-store.ts';
import type { OnProgress } from './blocks/progress.ts';
import type { InstallationFile } from './files/installation-files.ts';
import type { SchedulerSettings } from './reports/schedulers.ts';

/** What every operation works with; handed in, so that tests can bend it. */
export interface Context {
  meta: MetaStore;
  locks: LockService;
  logger: Logger;
  data: DataBackendOptions;
  io: IoOptions;
  settings: Settings;
  /** No operation writes over these. */
  installationFiles: readonly InstallationFile[];
  /** Aborted when the user stops the program, or when locks are lost that an operation relies on; its reason is the error to end with. */
  signal: AbortSignal;
  onProgress: OnProgress;
  now(): Date;
  /** A number from 0 to below 1. */
  random(): number;
  /** Told when threads hang so that the process must not wait for them. */
  onStuckThreads(): void;
  /** Titles of other processes of this program, the original included, that run on this host. */
  otherInstances(): string[];
}

/** Settings of backy.cfg that operations look at. */
export interface Settings extends SchedulerSettings {
  /** Bytes. */
  blockSize: number;
  hashFunction: string;
  encryption: EncryptionOptions;
  deduplication: boolean;
  /** Threads that move blocks; undefined: see `workersFor`. */
  workers: number | undefined;
  /** CPUs that the program may use. */
  cpus: number;
  hintCheckPercent: number;
  disallowRmWhenYoungerThanDays: number;
  /** A folder for what may go at any time. */
  cacheDir: string;
}
