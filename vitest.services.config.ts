import { configDefaults, defineConfig, mergeConfig } from 'vitest/config';
import config, { SERVICE_TESTS } from './vitest.config.ts';

/** `npm run test:services`: tests against real servers, which it starts itself (test/services). */
const base = mergeConfig(config, defineConfig({ test: { globalSetup: 'test/services/global-setup.ts' } }));
export default { ...base, test: { ...base.test, include: SERVICE_TESTS, exclude: configDefaults.exclude } };
