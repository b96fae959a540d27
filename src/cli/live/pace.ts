import type { Progress } from '../../core/progress.ts';

/** The average speed of a phase. */
export interface Pace {
  bytesPerSecond: number;
  /** Time left in the phase; undefined before its first finished block. */
  etaSeconds: number | undefined;
}

/** The pace of a phase after `seconds`. Blocks finished before the phase do not count. */
export function paceOf(progress: Progress, seconds: number): Pace {
  const done = progress.doneBlocks - progress.phaseStartBlocks;
  const left = Math.max(0, progress.phaseEndBlocks - progress.doneBlocks);
  return {
    bytesPerSecond: seconds > 0 ? progress.movedBytes / seconds : 0,
    etaSeconds: left === 0 ? 0 : done > 0 ? (seconds / done) * left : undefined,
  };
}
