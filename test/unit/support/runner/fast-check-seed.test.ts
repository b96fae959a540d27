import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';

/** As the setup file left it: importing that here would set it, too. */
const atStart = fc.readConfigureGlobal();
afterEach(() => fc.configureGlobal(atStart));

/** The cases with which a property is tried. */
async function cases(seed: string): Promise<string[]> {
  const { seedFastCheck } = await import('../../../support/runner/fast-check-seed.ts');
  await seedFastCheck(seed);
  const drawn: string[] = [];
  fc.assert(fc.property(fc.string(), (text) => void drawn.push(text)));
  return drawn;
}

test('BACKY_TEST_SEED is the seed of this run', () => {
  const given = process.env.BACKY_TEST_SEED;
  expect(atStart.seed).toBe(given === undefined ? undefined : Number(given));
});

test('the same seed gives the same cases, another one gives others', async () => {
  const first = await cases('1234567890');
  expect(first).toHaveLength(100);
  expect(await cases('1234567890')).toEqual(first);
  // Of the size of the seeds of CI: more than 31 bits.
  expect(await cases('4234567890')).not.toEqual(first);
});
