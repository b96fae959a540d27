import type { Logger } from '../logger.ts';
import type { DirectIoMode } from '../native/direct-io-switch.ts';
import type { IoLimits } from './options.ts';
import type { SnapshotDiff } from './rbd/diff-call.ts';
import type { OpenImage } from './rbd/image-calls.ts';

/** The operation that opens and closes a source or target, as both may hang. */
export interface IoHost {
  /** Aborted when the user stops the program. */
  signal: AbortSignal;
  /** Called when threads hang: the process must not wait for them at its end. */
  onStuckThreads(): void;
  /** Gets warnings about long waits. */
  logger: Pick<Logger, 'info' | 'warning'>;
}

/**
 * The data with which a thread opens its own source or target. Plain data, which goes between
 * threads.
 */
export interface IoSpec {
  url: string;
  limits: IoLimits;
  /** Of a file or block device. [auto] */
  directIo?: DirectIoMode | undefined;
  /** An RBD image, opened for all threads. */
  image?: OpenImage;
}

/** A source in the main thread, opened once for all threads. */
export interface SharedSource {
  readonly sizeBytes: number;
  readonly spec: IoSpec;
  /** For a clone: bytes from the start that are its parent's unless it has its own. */
  readonly parentBytes?: number;
  /** Rejects if the bytes read since the open can't be trusted, though no read has failed. */
  verify(): Promise<void>;
  /** Whether a regular file was written or replaced since the open: reads may mix old and new. */
  hasChanged(): boolean;
  /** To be called when no thread uses it any more. */
  close(): Promise<void>;
}

/** A target in the main thread: it exists, is large enough, and is opened for all threads. */
export interface SharedTarget {
  /** True when it is new and reads as zeros everywhere. */
  readonly isNew: boolean;
  /** Bytes behind the restored ones. They keep what they had. */
  readonly tailBytes: number;
  readonly spec: IoSpec;
  /** RBD only: the differences between a snapshot of it and now, as the cluster lists them. */
  readonly changesSince?: (snapshot: string) => Promise<SnapshotDiff>;
  /** To be called when no thread uses it any more. */
  close(): Promise<void>;
}
