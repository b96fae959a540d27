const FIXED_CLOCK = new URL('fixed-clock.mjs', import.meta.url);

/** What to add to the environment of the real program so that it sees this time, and no other. */
export function clockAt(time: Date): Record<string, string> {
  return { NODE_OPTIONS: `--import=${FIXED_CLOCK.href}`, TEST_CLOCK_MS: String(time.getTime()) };
}

/** The time that `clockAt` put into an environment, in milliseconds since 1970, and the environment without it. */
export function takeClock(env: Readonly<Record<string, string>>): { clockMs?: number; rest: Record<string, string> } {
  const { NODE_OPTIONS, TEST_CLOCK_MS, ...rest } = env;
  if (NODE_OPTIONS === undefined && TEST_CLOCK_MS === undefined) return { rest };
  if (NODE_OPTIONS !== `--import=${FIXED_CLOCK.href}`) return { rest: { ...env } };
  return { clockMs: Number(TEST_CLOCK_MS), rest };
}
