import { createHash } from 'node:crypto';

/** Numbers from 0 to below 1; the same seed gives the same numbers (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes without repetition; the same name gives the same bytes. */
export function noise(length: number, name: string): Buffer {
  const bytes = createHash('shake256', { outputLength: Math.max(1, length) })
    .update(name)
    .digest();
  return bytes.subarray(0, length);
}

/**
 * The seed of this run: from the environment to repeat a run, else new. Tests that use it print it
 * in their name.
 */
export function runSeed(): number {
  const given = process.env.BACKY_TEST_SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}
