/** Where an operation that moves blocks is. Counts are blocks; `doneBlocks` counts those that are finished. */
export interface Progress {
  phase: 'prepare' | 'data' | 'sparse' | 'scrub';
  doneBlocks: number;
  totalBlocks: number;
  /** Bytes that went through so far, for the speed. */
  doneBytes: number;
  /** How full the workers' hands are, 0 to 1. */
  load: number;
  /** Restore: the highest block up to which everything is on the target; -1 when there is none yet. */
  lastId: number;
}

/** Called often, from the operation's own thread: MUST be cheap. */
export type OnProgress = (progress: Progress) => void;
