import { configDefaults, defineConfig, mergeConfig } from 'vitest/config';
import config, { FAULT_TESTS } from './vitest.config.ts';

/** `npm run test:faults`: the long sweep of faults, for as many seconds as BACKY_FAULT_SECONDS says. */
const base = mergeConfig(config, defineConfig({}));
// Most of these files run two programs at once: with more files than two, the sweep gets to few points in its time.
export default { ...base, test: { ...base.test, include: FAULT_TESTS, exclude: configDefaults.exclude, maxWorkers: 2 } };
