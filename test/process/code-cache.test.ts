import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SPY = fileURLToPath(new URL('../support/program/spy-on-code.cjs', import.meta.url));
const BLOCK = 4096;

/** The modules that a thread of the program loaded. */
interface Loaded {
  threadId: number;
  bundles: { name: string; cache: 'none' | 'taken' | 'rejected' }[];
  /** Paths of modules. */
  files: string[];
}

let lab: Lab;
beforeEach(async () => {
  // With threads, however few the blocks.
  lab = await Lab.create({ workers: 1 });
});
afterEach(() => lab.remove());

/** Runs a backup with the program in `root`. @returns the loads of each thread, main first. */
async function loadedByBackup(root: string, options: { nodeOptions?: string } = {}): Promise<Loaded[]> {
  const source = `file://${lab.write('image', noise(10 * BLOCK, 'image'))}`;
  const command = [join(root, 'bin/backy2'), '-c', lab.path('backy.cfg'), 'backup', source, 'vm'];
  const env = { NODE_OPTIONS: `--require ${SPY} ${options.nodeOptions ?? ''}` };
  const { code, stdout, stderr } = await lab.startCommand(command, { env }).ended;
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('Backy complete.');
  const told = stderr.split('\n').filter((line) => line.startsWith('SPY '));
  return told.map((line) => JSON.parse(line.slice(4)) as Loaded).sort((a, b) => a.threadId - b.threadId);
}

/** A copy of the built program that a test may damage. */
function installation(): string {
  const root = lab.path('installed');
  mkdirSync(root);
  const isUsed = (path: string) => !path.endsWith('.map');
  for (const name of ['bin', 'dist', 'package.json'])
    cpSync(join(ROOT, name), join(root, name), { recursive: true, filter: isUsed });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
}

test('the program and its block workers take the code caches of the build', async () => {
  const [main, worker] = await loadedByBackup(ROOT);
  expect(main?.bundles).toEqual(['program', 'knex'].map((name) => ({ name, cache: 'taken' })));
  expect(worker?.bundles).toEqual([{ name: 'blocks', cache: 'taken' }]);
});

test('a backup of a few blocks has no thread, and its code comes from the cache', async () => {
  await lab.remove();
  lab = await Lab.create();
  const threads = await loadedByBackup(ROOT);
  expect(threads.map(({ bundles }) => bundles)).toEqual([['program', 'knex'].map((name) => ({ name, cache: 'taken' }))]);
});

test('a block worker loads one bundle, and of packages only the FFI', async () => {
  const [, worker] = await loadedByBackup(ROOT);
  expect(worker?.bundles.map(({ name }) => name)).toEqual(['blocks']);
  const names = worker?.files.map((path) => (path.includes('koffi') ? 'koffi' : basename(path)));
  expect([...new Set(names)].sort()).toEqual(['block-worker.cjs', 'koffi']);
});

test.each([
  ['is missing', () => undefined],
  ['has one bit changed', (file: Buffer) => Buffer.from(file).fill(file.readUInt8(9000) ^ 16, 9000, 9001)],
  ['is of another V8', (file: Buffer) => Buffer.from(file.toString('latin1').replace(process.versions.v8, '1.2.3'), 'latin1')],
])('a backup works without a code cache when it %s, and writes none', async (_, change) => {
  const root = installation();
  const paths = ['program', 'knex', 'blocks'].map((name) => join(root, 'dist', `${name}.cache`));
  for (const path of paths) {
    const bytes = change(readFileSync(path));
    if (bytes === undefined) rmSync(path);
    else writeFileSync(path, bytes);
  }
  const written = paths.map(hashOf);
  const loaded = await loadedByBackup(root);
  expect(loaded.flatMap(({ bundles }) => bundles)).toEqual([
    { name: 'program', cache: 'none' },
    { name: 'knex', cache: 'none' },
    { name: 'blocks', cache: 'none' },
  ]);
  expect(paths.map(hashOf)).toEqual(written);
});

test('a backup works when V8 rejects the code caches, which are for other flags', async () => {
  const loaded = await loadedByBackup(ROOT, { nodeOptions: '--interpreted-frames-native-stack' });
  expect(loaded.flatMap(({ bundles }) => bundles.map(({ cache }) => cache))).toEqual(['rejected', 'rejected', 'rejected']);
});

function hashOf(path: string): string | undefined {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : undefined;
}
