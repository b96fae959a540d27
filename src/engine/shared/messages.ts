import type { DataBackendOptions, EncryptionOptions } from '../../data/options.ts';
import type { RetryNotice } from '../../data/retrying-backend.ts';
import type { PlainError } from '../../errors.ts';
import type { IoSpec } from '../../io/shared.ts';
import type { Block } from '../../model/block.ts';
import type { SharedGate } from './gate.ts';

/** All that a block worker needs to know from the start; plain data and shared memory. */
export interface WorkerSetup {
  index: number;
  /** Bytes of a block. */
  blockSize: number;
  /** The image's bytes: the last block is shorter. */
  sizeBytes: number;
  hashFunction: string;
  /** Buffers, and so the jobs that this worker has in hand at once. */
  slots: number;
  /** Of these, as many as may be reading or writing at once. */
  ioSlots: number;
  /** Bytes of a buffer: one block, or as many small ones as make a read worth while. */
  slotBytes: number;
  data: DataBackendOptions;
  encryption: EncryptionOptions;
  source: IoSpec | undefined;
  target: IoSpec | undefined;
  /** Restore: a block whose blob is missing is written as zeros; otherwise the target keeps what it has there. */
  zeroMissing: boolean;
  /** Memory that main shares with the workers, for the blocks of `view` jobs. */
  arena: SharedArrayBuffer | undefined;
  /** Reads may block the worker's thread: it is its own. */
  mayBlock: boolean;
  gates: WorkerGates;
  /** One counter a worker; it moves every second while the worker's event loop lives. */
  heartbeats: SharedArrayBuffer;
  /** One counter a worker: its jobs that write now (write-count.ts). */
  writing: SharedArrayBuffer;
}

/** Limits that hold over all workers together. */
export interface WorkerGates {
  sourceRead: SharedGate;
  targetWrite: SharedGate;
  dataRead: SharedGate;
  dataWrite: SharedGate;
}

/** What main decides about a block that was read: nothing to do, or which blob is to hold it. */
export type Decision =
  | null
  /** Store it as `uid`. */
  | { action: 'store'; uid: string }
  /** Blob `uid` has it already; if that blob turns out to be gone or cut, store it as `spare`. */
  | {
      action: 'reuse';
      uid: string;
      spare: string;
      /** The blob is known only from an import: read it first, and use it only if it holds this. */
      verify?: BlobContent;
    };

/** What a blob is to hold, and how to decode it. */
export type BlobContent = Pick<Block, 'checksum' | 'encVersion' | 'envKey' | 'nonce'>;

/** A block that is to have a blob of another encryption version. */
export interface RecodeBlock {
  from: Block & { uid: string };
  decision: NonNullable<Decision>;
}

/** A block that is to be read by somebody, and where in the arena its bytes go. */
export interface ViewBlock extends Block {
  uid: string;
  /** Bytes from the arena's start; as many as a whole block has are the worker's until it answers. */
  at: number;
}

/** What became of a block of a `view` job: it is in the arena (null), it is bad, or nobody can tell, since the backend failed. */
export type ViewOutcome = null | { finding: Finding } | { error: PlainError };

/** Work for a worker. Each job occupies one slot and is answered once it is done. */
export type Job =
  /** Read blocks `first … first + count - 1`, which fit a slot, and tell their checksums; a `decide` follows. */
  | { kind: 'read'; first: number; count: number }
  /** Fetch blobs, check them, and write them to the target or compare them with the source. */
  | { kind: 'fetch'; blocks: Block[] }
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
  /** Start no more jobs; with `undecided`, do not wait for decisions either. Each job dropped is answered as such. */
  | { kind: 'drop'; undecided: boolean }
  | { kind: 'finish' };

/** A block's checksum in hex; null when it is all zero. */
export type Digest = string | null;

/** What became of a block that main decided to store or reuse. */
export interface StoredBlock {
  id: number;
  uid: string;
  envKey: string | null;
  nonce: string | null;
  /** False when the blob was there already. */
  written: boolean;
  /** Why the blob found by dedup was not used, if it was not. */
  rejected?: string;
  /** That blob is there, and an import is wrong about what it holds. */
  wrongImport?: boolean;
}

/** What is wrong with a block. */
export interface Finding {
  id: number;
  problem: 'missing' | 'unreadable' | 'length' | 'checksum' | 'undecodable' | 'source';
  /** The checksum that it has, or what else was found. */
  actual: string;
}

/** Worker to main. */
export type FromWorker =
  | { kind: 'ready'; worker: number }
  | { kind: 'digested'; worker: number; job: number; first: number; digests: Digest[]; bytesRead: number }
  | { kind: 'stored'; worker: number; job: number; blocks: StoredBlock[] }
  | { kind: 'fetched'; worker: number; job: number; findings: Finding[] }
  | { kind: 'recoded'; worker: number; job: number; blocks: StoredBlock[]; findings: Finding[] }
  | { kind: 'viewed'; worker: number; job: number; outcomes: ViewOutcome[] }
  | { kind: 'zeroed'; worker: number; job: number }
  | { kind: 'dropped'; worker: number; job: number }
  /** A request to the data backend failed and is repeated. */
  | { kind: 'retrying'; worker: number; notice: RetryNotice }
  | { kind: 'flushed'; worker: number; ticket: number }
  | { kind: 'failed'; worker: number; job: number | undefined; ticket: number | undefined; error: PlainError };
