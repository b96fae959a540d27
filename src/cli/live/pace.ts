import type { Progress } from '../../core/blocks/progress.ts';

/** How fast a phase goes, on average since it began. */
export interface Pace {
  bytesPerSecond: number;
  /** Until the end of the phase; undefined while nothing of it is finished. */
  etaSeconds: number | undefined;
}

/** The pace of a phase that has taken `seconds` so far. What was finished before it began does not count: that went by at another speed. */
export function paceOf(progress: Progress, seconds: number): Pace {
  const done = progress.doneBlocks - progress.phaseStartBlocks;
  const left = Math.max(0, progress.phaseEndBlocks - progress.doneBlocks);
  return {
    bytesPerSecond: seconds > 0 ? progress.movedBytes / seconds : 0,
    etaSeconds: left === 0 ? 0 : done > 0 ? (seconds / done) * left : undefined,
  };
}
