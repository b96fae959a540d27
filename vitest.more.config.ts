import { configDefaults, defineConfig, mergeConfig } from 'vitest/config';
import config, { MORE_TESTS } from './vitest.config.ts';

/** `npm run test:more`: what `npm test` leaves to a longer run. */
const base = mergeConfig(config, defineConfig({}));
export default { ...base, test: { ...base.test, include: MORE_TESTS, exclude: configDefaults.exclude } };
