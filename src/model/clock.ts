import type { Logger } from '../logger.ts';
import { toSecondsText } from './dates.ts';
import type { Version } from './version.ts';

/**
 * Clocks of hosts with NTP differ by less: a date that is so little ahead is no sign of a wrong
 * clock.
 */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** The end of messages about times in the future. */
export const CHECK_CLOCKS = 'Check the clocks of all hosts.';

/**
 * Whether a date can only come from a wrong clock. Then it does not tell when something was done:
 * nothing may wait for it.
 */
export function isFromFuture(date: Date, now: Date): boolean {
  return date > latestCredible(now);
}

/** The latest date that needs no wrong clock. */
export function latestCredible(now: Date): Date {
  return new Date(now.getTime() + CLOCK_TOLERANCE_MS);
}

/**
 * Logs versions with dates in the future, in one message: the only one, or their number and the
 * latest.
 */
export function warnOfFuture(
  { logger, now }: { logger: Logger; now(): Date },
  versions: readonly Pick<Version, 'uid' | 'date'>[],
): void {
  const ahead = versions.filter(({ date }) => isFromFuture(date, now())).sort((a, b) => a.date.getTime() - b.date.getTime());
  const latest = ahead.at(-1);
  if (latest === undefined) return;
  const date = toSecondsText(latest.date);
  logger.warning(
    ahead.length === 1
      ? `Version ${latest.uid} is dated ${date}, in the future. ${CHECK_CLOCKS}`
      : `${ahead.length} versions are dated in the future, up to ${date} (version ${latest.uid}). ${CHECK_CLOCKS}`,
  );
}
