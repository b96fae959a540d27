/**
 * Makes fast-check draw the same cases for the same seed. Without a seed, each run draws others.
 */
export async function seedFastCheck(seed: string | undefined): Promise<void> {
  if (seed === undefined) return;
  // Loaded only here: it costs each test file 20 ms, and few use it.
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
}

await seedFastCheck(process.env.BACKY_TEST_SEED);
