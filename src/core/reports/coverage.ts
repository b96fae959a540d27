import { CHECK_CLOCKS, CLOCK_TOLERANCE_MS } from '../../model/clock.ts';
import type { Context } from '../context.ts';

const DAY_SECONDS = 86_400;

/** Periods that are reported unless others are asked for. The shortest first. */
export const COVERAGE_DAYS: readonly number[] = [1, 7, 30, 90];

/** How many blobs were verified within a number of days. */
export interface CoverageRow {
  days: number;
  /** Blobs that versions name. A blob that several versions share counts once. */
  blobs: number;
  verified: number;
  /** 0 to 100. */
  percent: number;
  /** Blobs that were never verified. */
  never: number;
  /** Blobs that were bad at their last verification. */
  bad: number;
  /**
   * Date of the verification that is longest ago. Null without blobs, and when some were never
   * verified or at a date in the future.
   */
  oldest: Date | null;
  /** The blob that was verified then. */
  oldestUid: string | null;
}

/** Reports verification coverage, a row for each number of days. Changes nothing. */
export async function reportCoverage({ meta, now, signal, logger }: Context, days: readonly number[]): Promise<CoverageRow[]> {
  const nowSeconds = Math.floor(now().getTime() / 1000);
  const sinces = days.map((count) => nowSeconds - count * DAY_SECONDS);
  const until = nowSeconds + CLOCK_TOLERANCE_MS / 1000;
  const { blobs, verified, never, bad, future, oldest } = await meta.coverage(sinces, until, () => signal.throwIfAborted());
  if (future > 0) logger.warning(`${future} blobs were verified in the future: they do not count. ${CHECK_CLOCKS}`);
  const last = never + future > 0 ? undefined : oldest;
  return days.map((count, i) => ({
    days: count,
    blobs,
    verified: verified[i] ?? 0,
    // Not rounded up: 100 means all.
    percent: blobs === 0 ? 100 : Math.floor(((verified[i] ?? 0) / blobs) * 1000) / 10,
    never,
    bad,
    oldest: last === undefined ? null : new Date(last.time * 1000),
    oldestUid: last?.uid ?? null,
  }));
}
