import type { QueueLoads } from '../../engine/pool/queue-loads.ts';

/** What an operation is at: `prepare` moves rows in the database alone, `data` moves blocks. */
export type Phase = 'prepare' | 'data';

/** Where an operation that moves blocks is. `doneBlocks` counts those that are finished, earlier runs and phases included. */
export interface Progress {
  readonly phase: Phase;
  readonly doneBlocks: number;
  readonly totalBlocks: number;
  /** What `doneBlocks` was when this phase began: these went by at another speed. */
  readonly phaseStartBlocks: number;
  /** What it will be when the phase is over. */
  readonly phaseEndBlocks: number;
  /** Bytes that were read or written in this phase: not those of blocks that were taken over, or passed over as holes. */
  readonly movedBytes: number;
  /** Restore: the highest block up to which everything is on the target; -1 when there is none yet. */
  readonly lastId: number;
  /** How full both sides of the workers are, at the time of asking. */
  readonly loads: QueueLoads;
}

/**
 * Called often, from the operation's own thread: MUST be cheap. It is the same object every time, so that who shows it once a second
 * may keep it.
 */
export type OnProgress = (progress: Progress) => void;

/** Keeps an operation's {@link Progress} and tells of each change. */
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

  /** Starts a phase, which goes from so many finished blocks to so many. */
  begin(phase: Phase, doneBlocks: number, phaseEndBlocks = this.totalBlocks): void {
    this.phase = phase;
    this.doneBlocks = doneBlocks;
    this.phaseStartBlocks = doneBlocks;
    this.phaseEndBlocks = phaseEndBlocks;
    this.movedBytes = 0;
    this.#onProgress(this);
  }

  /** Counts blocks that are finished (less than none: they are to be done again) and the bytes that went through for them. */
  add(blocks: number, bytes: number): void {
    // Whatever the rows are like, progress never exceeds the total.
    this.doneBlocks = Math.min(this.doneBlocks + blocks, this.totalBlocks);
    this.movedBytes += bytes;
    this.#onProgress(this);
  }
}
