const FIXED_CLOCK = new URL('fixed-clock.mjs', import.meta.url);

/** Environment variables with which the real program always sees this time. */
export function clockAt(time: Date): Record<string, string> {
  return { NODE_OPTIONS: `--import=${FIXED_CLOCK.href}`, TEST_CLOCK_MS: String(time.getTime()) };
}

/**
 * Splits an environment into the time that `clockAt` put there, in milliseconds since 1970, and the
 * rest.
 */
export function takeClock(env: Readonly<Record<string, string>>): { clockMs?: number; rest: Record<string, string> } {
  const { NODE_OPTIONS, TEST_CLOCK_MS, ...rest } = env;
  if (NODE_OPTIONS === undefined && TEST_CLOCK_MS === undefined) return { rest };
  if (NODE_OPTIONS !== `--import=${FIXED_CLOCK.href}`) return { rest: { ...env } };
  return { clockMs: Number(TEST_CLOCK_MS), rest };
}
