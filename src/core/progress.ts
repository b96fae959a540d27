import type { QueueLoads } from '../engine/pool/queue-loads.ts';

/** `prepare` changes only rows in the database; `data` moves blocks. */
export type Phase = 'prepare' | 'data';

/** The progress of an operation that moves blocks. */
export interface Progress {
  readonly phase: Phase;
  /** Finished blocks, those of earlier runs and phases included. */
  readonly doneBlocks: number;
  readonly totalBlocks: number;
  /** `doneBlocks` when this phase began. Those before had another speed. */
  readonly phaseStartBlocks: number;
  /** `doneBlocks` when the phase ends. */
  readonly phaseEndBlocks: number;
  /** Bytes that were read or written in this phase. Taken-over blocks and holes have none. */
  readonly movedBytes: number;
  /** Restore: the highest id up to which all blocks are on the target; -1: none yet. */
  readonly lastId: number;
  /** How busy the workers are now, reading and writing. */
  readonly loads: QueueLoads;
}

/**
 * Called for each job, on the main thread: MUST be cheap. The object is the same one every time.
 */
export type OnProgress = (progress: Progress) => void;

/** Keeps an operation's {@link Progress} and reports each change. */
export class Meter implements Progress {
  readonly totalBlocks: number;
  phase: Phase = 'prepare';
  doneBlocks = 0;
  phaseStartBlocks = 0;
  phaseEndBlocks = 0;
  movedBytes = 0;
  lastId = -1;
  readonly #pool: { readonly loads: QueueLoads };
  readonly #onProgress: OnProgress;

  constructor(totalBlocks: number, pool: { readonly loads: QueueLoads }, onProgress: OnProgress) {
    this.totalBlocks = totalBlocks;
    this.#pool = pool;
    this.#onProgress = onProgress;
  }

  get loads(): QueueLoads {
    return this.#pool.loads;
  }

  /**
   * Starts a phase that begins with `doneBlocks` finished blocks and ends with `phaseEndBlocks`.
   */
  begin(phase: Phase, doneBlocks: number, phaseEndBlocks = this.totalBlocks): void {
    this.phase = phase;
    this.doneBlocks = doneBlocks;
    this.phaseStartBlocks = doneBlocks;
    this.phaseEndBlocks = phaseEndBlocks;
    this.movedBytes = 0;
    this.#onProgress(this);
  }

  /**
   * Adds finished blocks and the bytes that were moved for them. A negative count: they are done
   * again.
   */
  add(blocks: number, bytes: number): void {
    // Damaged rows may count blocks twice.
    this.doneBlocks = Math.min(this.doneBlocks + blocks, this.totalBlocks);
    this.movedBytes += bytes;
    this.#onProgress(this);
  }
}
