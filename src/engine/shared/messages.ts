import type { DataBackendOptions, EncryptionOptions } from '../../data/options.ts';
import type { RetryNotice } from '../../data/retrier.ts';
import type { PlainError } from '../../errors.ts';
import type { IoSpec } from '../../io/shared.ts';
import type { Block } from '../../model/block.ts';
import type { SharedGate } from './gate.ts';

/** The start data of a block worker: plain data and shared memory. */
export interface WorkerSetup {
  index: number;
  /** Bytes of a block. */
  blockSize: number;
  /** The image's bytes: the last block is shorter. */
  sizeBytes: number;
  hashFunction: string;
  /** Buffers of this worker: as many jobs run at once. */
  slots: number;
  /** Slots that may be reading or writing at once. */
  ioSlots: number;
  /** Bytes of a buffer: one block, or several small ones. */
  slotBytes: number;
  data: DataBackendOptions;
  encryption: EncryptionOptions;
  source: IoSpec | undefined;
  target: IoSpec | undefined;
  /**
   * Restore writes zeros for a block whose blob is missing; if false, it leaves the target as it is
   * there.
   */
  zeroMissing: boolean;
  /** Memory that main shares with the workers, for the blocks of `view` jobs. */
  arena: SharedArrayBuffer | undefined;
  /** Reads may block the worker's thread: it is its own. */
  mayBlock: boolean;
  gates: WorkerGates;
  /** One counter per worker, which its event loop increments every second. */
  heartbeats: SharedArrayBuffer;
  /** One counter per worker: its jobs that write now (write-count.ts). */
  writing: SharedArrayBuffer;
}

/** Limits that hold over all workers together. */
export interface WorkerGates {
  sourceRead: SharedGate;
  targetWrite: SharedGate;
  dataRead: SharedGate;
  dataWrite: SharedGate;
}

/**
 * Main's decision on a block that was read: nothing to do (null), or the blob that is to hold it.
 */
export type Decision =
  | null
  /** Store it as a new blob, whose uid the worker makes. */
  | { action: 'store' }
  /** Blob `uid` holds it. If that blob is missing or cut, store it as a new one. */
  | {
      action: 'reuse';
      uid: string;
      /**
       * The blob is known from an import alone: read it first, and use it only if it holds this.
       */
      verify?: BlobContent;
    };

/** The checksum of a blob's block, and how to decode it. */
export type BlobContent = Pick<Block, 'checksum' | 'encVersion' | 'envKey' | 'nonce'>;

/** A block that needs a blob of another encryption version. */
export interface RecodeBlock {
  from: Block & { uid: string };
  decision: NonNullable<Decision>;
}

/** A block to read, and where in the arena its bytes go. */
export interface ViewBlock extends Block {
  uid: string;
  /** Offset in the arena. A whole block from there is the worker's until it answers. */
  at: number;
}

/** A block of a `view` job is in the arena (null), it is bad, or the backend failed. */
export type ViewOutcome = null | { finding: Finding } | { error: PlainError };

/** Work for a worker. Each job takes one slot and is answered when it is done. */
export type Job =
  /**
   * Read blocks `first` to `first + count - 1`, which fit in a slot, and answer their checksums. A
   * `decide` follows.
   */
  | { kind: 'read'; first: number; count: number }
  /** Fetch blobs, check them, and write them to the target or compare them with the source. */
  | { kind: 'fetch'; blocks: Block[] }
  /**
   * Compare adjacent blocks of the target with their rows. With `write`, fetch and write those that
   * differ.
   */
  | { kind: 'compare'; blocks: Block[]; write: boolean }
  /** Fetch blobs and store their blocks as new blobs, of the encryption version that is written. */
  | { kind: 'recode'; blocks: RecodeBlock[] }
  /** Fetch blobs and check them; their blocks go into the arena. */
  | { kind: 'view'; blocks: ViewBlock[] }
  /** Make blocks of the target read as zeros. */
  | { kind: 'zero'; first: number; count: number };

/** Main to worker. */
export type ToWorker =
  | { kind: 'job'; job: number; work: Job }
  | { kind: 'decide'; job: number; decisions: Decision[] }
  | { kind: 'flush'; ticket: number }
  /**
   * Start no queued job; with `undecided`, wait for no decision either. Answer each such job as
   * dropped.
   */
  | { kind: 'drop'; undecided: boolean }
  | { kind: 'finish' };

/** A block's checksum in hex; null when it is all zero. */
export type Digest = string | null;

/** A block that main decided to store or reuse. */
export interface StoredBlock {
  id: number;
  uid: string;
  envKey: string | null;
  nonce: string | null;
  /** False when the blob was there already. */
  written: boolean;
  /** Why the blob found by dedup was not used. */
  rejected?: string;
  /** That blob exists, but holds something else than an import says. */
  wrongImport?: boolean;
}

/** A problem of a block. */
export interface Finding {
  id: number;
  problem: 'missing' | 'unreadable' | 'length' | 'checksum' | 'undecodable' | 'source';
  /** The checksum found, or a description. */
  actual: string;
}

/** Worker to main. */
export type FromWorker =
  | { kind: 'ready'; worker: number }
  | { kind: 'digested'; worker: number; job: number; first: number; digests: Digest[]; bytesRead: number }
  | { kind: 'stored'; worker: number; job: number; blocks: StoredBlock[] }
  | { kind: 'fetched'; worker: number; job: number; findings: Finding[] }
  /** `different`: ids of the blocks that differ; `unreadable`: why some of them can't be read. */
  | { kind: 'compared'; worker: number; job: number; different: number[]; unreadable: string[]; findings: Finding[] }
  | { kind: 'recoded'; worker: number; job: number; blocks: StoredBlock[]; findings: Finding[] }
  | { kind: 'viewed'; worker: number; job: number; outcomes: ViewOutcome[] }
  | { kind: 'zeroed'; worker: number; job: number }
  | { kind: 'dropped'; worker: number; job: number }
  /** A request to the data backend failed and is repeated. */
  | { kind: 'retrying'; worker: number; notice: RetryNotice }
  | { kind: 'flushed'; worker: number; ticket: number }
  | { kind: 'failed'; worker: number; job: number | undefined; ticket: number | undefined; error: PlainError };
