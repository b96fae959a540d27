import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { RUN_DEFAULTS } from '../../../src/model/job.ts';
import { RBD_DEFAULTS } from './rbd-defaults.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

test('without any file everything lives in one folder of the user', () => {
  const { env } = makeSandbox();
  const state = join(env.home ?? '', '.local/share/backy2');
  expect(loadConfig(undefined, env)).toEqual({
    files: [],
    embedded: true,
    logfile: `${state}/backy.log`,
    blockSize: 4194304,
    hashFunction: 'sha512',
    lockDir: `${state}/locks`,
    cacheDir: '/tmp',
    processName: 'backy2',
    disallowRmWhenYoungerThanDays: 0,
    deduplication: true,
    catalogue: true,
    workers: undefined,
    cpus: 3,
    hintCheckPercent: 0,
    keepRemovedSeconds: 3600,
    fileMode: 0o600,
    compressionLevel: 1,
    encryptionKey: undefined,
    encryptionVersion: 0,
    encryptionAssumed: false,
    defaultSchedulers: ['daily'],
    slaSchedulers: ['daily', 'weekly', 'monthly'],
    slaNewNamesByAge: false,
    engine: `sqlite:///${state}/backy.sqlite`,
    layout: undefined,
    sqliteCacheMb: 256,
    data: {
      simultaneousWrites: 4,
      simultaneousReads: 4,
      bandwidthRead: 0,
      bandwidthWrite: 0,
      backend: { type: 'file', path: `${state}/data`, durable: true, directIo: 'auto', fileMode: 0o600 },
    },
    io: {
      file: { simultaneousReads: 4, simultaneousWrites: 4, directIo: 'auto' },
      rbd: RBD_DEFAULTS,
      null: { simultaneousReads: 1, simultaneousWrites: 1 },
    },
    schedulers: [],
    brokenSchedulers: [],
    jobs: [],
    brokenJobs: [],
    run: RUN_DEFAULTS,
    warnings: [],
  });
});

test('it creates nothing', () => {
  const { env, folder } = makeSandbox();
  loadConfig(undefined, env);
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['cwd', 'home', 'root']);
});

test.each([
  [{ uid: 0 }, '/r/var/lib/backy2'],
  [{ uid: 0, xdgDataHome: '/xdg' }, '/xdg/backy2'],
  [{ xdgDataHome: '/xdg' }, '/xdg/backy2'],
  [{ xdgDataHome: 'relative' }, '/h/.local/share/backy2'],
  [{ xdgDataHome: '' }, '/h/.local/share/backy2'],
  [{ xdgDataHome: '/50% off' }, '/50% off/backy2'],
])('%j keeps its state in %s', (changes, state) => {
  const env = { root: '/r', cwd: '/c', home: '/h', xdgDataHome: undefined, uid: 1000, cpus: 1, ...changes };
  const config = loadConfig(undefined, env);
  expect(config.engine).toBe(`sqlite:///${state}/backy.sqlite`);
  expect(config.engine).toMatch(/^sqlite:\/{4}[^/]/);
});

test('a user without a home folder gets an error that says what to do', () => {
  const { env } = makeSandbox();
  const { message, hint } = configErrorOf(() => loadConfig(undefined, { ...env, home: undefined }));
  expect(`${message} ${hint}`).toMatch(/no home folder.*-c/);
});
