import type { Logger } from '../logger.ts';
import type { IoLimits } from './options.ts';
import type { OpenImage } from './rbd/image-calls.ts';

/** What opening and closing needs of the operation that it is for: either may hang. */
export interface IoHost {
  /** Aborted when the user stops the program. */
  signal: AbortSignal;
  /** Told when threads hang so that the process must not wait for them. */
  onStuckThreads(): void;
  /** Told what is waited for when that takes long. */
  logger: Pick<Logger, 'warning'>;
}

/** What a thread opens its own source or target with. Plain data: it goes between threads. */
export interface IoSpec {
  url: string;
  limits: IoLimits;
  /** An RBD image, opened for all threads. */
  image?: OpenImage;
}

/** A source as the main thread has it: opened once, for all threads. */
export interface SharedSource {
  readonly sizeBytes: number;
  readonly spec: IoSpec;
  /** Of a clone: so many bytes from the start on are its parent's where it has nothing itself. */
  readonly parentBytes?: number;
  /** Rejects when what was read since it was opened can't be trusted: what reads alone would not have told. */
  verify(): Promise<void>;
  /** To be called when no thread uses it any more. */
  close(): Promise<void>;
}

/** A target as the main thread has it: there, large enough, and opened for all threads. */
export interface SharedTarget {
  /** True when it was just made and reads as zeros everywhere. */
  readonly isNew: boolean;
  readonly spec: IoSpec;
  /** To be called when no thread uses it any more. */
  close(): Promise<void>;
}
