import { isFromFuture } from '../../model/clock.ts';
import type { RunRecord } from '../../model/run-record.ts';
import { plusSeconds } from '../reports/schedulers.ts';

const FIRST_SECONDS = 5 * 60;
const LONGEST_SECONDS = 6 * 3600;
const SHORTEST_SECONDS = 60;

/**
 * Seconds to wait after failures in a row: twice as long after each, but not so long that a
 * backup of the shortest interval is missed.
 */
function backoffSeconds(failures: number, shortestInterval: number): number {
  if (failures <= 0) return 0;
  const wait = Math.min(FIRST_SECONDS * 2 ** Math.min(failures - 1, 20), LONGEST_SECONDS, shortestInterval / 4);
  return Math.max(SHORTEST_SECONDS, wait);
}

/**
 * When the next attempt may begin; undefined: at once. A date from the future comes from a wrong
 * clock, and nothing waits for it.
 */
export function retryAt(record: RunRecord | undefined, shortestInterval: number, now: Date): Date | undefined {
  if (record === undefined || record.failures === 0) return undefined;
  const last = record.ended ?? record.started;
  if (isFromFuture(last, now)) return undefined;
  const at = plusSeconds(last, backoffSeconds(record.failures, shortestInterval));
  return at > now ? at : undefined;
}
