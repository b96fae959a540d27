const FIXED_CLOCK = new URL('fixed-clock.mjs', import.meta.url);

/** What to add to the environment of the real program so that it sees this time, and no other. */
export function clockAt(time: Date): Record<string, string> {
  return { NODE_OPTIONS: `--import=${FIXED_CLOCK.href}`, TEST_CLOCK_MS: String(time.getTime()) };
}
