import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { Running } from '../support/program/process.ts';
import { ROTATION } from '../support/runner/rotation.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

const cluster = sharedCluster();
const ENTRY = fileURLToPath(new URL('rbd-opens.ts', import.meta.url));
/** Beside the program, whose packages it needs. */
const BUILT = fileURLToPath(new URL('../../dist/test-rbd-opens.js', import.meta.url));
/**
 * With librbd's default of two threads, 9 of 12 processes crashed within 20 s. Within 8 s, at least
 * one of six crashed in 27 of 28 runs.
 */
const [PROCESSES, SECONDS] = [6, ROTATION === 'all' ? 20 : 8];

test('closing a snapshot right after opening it, again and again, crashes none of several processes that share cores', async () => {
  const image = cluster.newImage();
  await cluster.create(image, OBJECT);
  await cluster.snapshot('create', `${image}@s`);
  const form = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error' } as const;
  await build({ ...form, entryPoints: [ENTRY], outfile: BUILT });
  try {
    const command = [process.execPath, BUILT, cluster.conf, `${image}@s`, String(SECONDS)];
    const running = Array.from({ length: PROCESSES }, () => new Running(command, {}));
    for (const result of await Promise.all(running.map(({ ended }) => ended))) {
      expect(result).toMatchObject({ code: 0, signal: null, stderr: '', stdout: expect.stringMatching(/^[1-9]\d\d+\n$/) });
    }
  } finally {
    rmSync(BUILT, { force: true });
  }
  await cluster.remove(image);
}, 120_000);
