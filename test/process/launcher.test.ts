import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Running } from '../support/program/process.ts';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));
const ROOT = dirname(BIN);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-launcher-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Whether these words, run in `cwd`, start the program. */
async function starts(words: string[], cwd = folder): Promise<boolean> {
  const { code, stdout } = await new Running([...words, '-V'], { cwd, env: { PATH: `${process.env.PATH}:${folder}` } }).ended;
  return code === 0 && /^\d+\.\d+\.\d+\n$/.test(stdout);
}

test('the program is found from its own path, absolute or not', async () => {
  expect(await starts([join(BIN, 'backy2')])).toBe(true);
  expect(await starts(['./backy2'], BIN)).toBe(true);
  expect(await starts(['sh', 'backy2'], BIN)).toBe(true);
  expect(await starts([`./${basename(BIN)}/backy2`], ROOT)).toBe(true);
});

test('the program is found through symlinks to it, to its folder and to the package', async () => {
  symlinkSync(join(BIN, 'backy2'), join(folder, 'linked-backy2'));
  symlinkSync('linked-backy2', join(folder, 'twice'));
  mkdirSync(join(folder, 'opt'));
  symlinkSync(BIN, join(folder, 'opt/bin'));
  symlinkSync(ROOT, join(folder, 'package'));
  for (const path of ['twice', 'opt/bin/backy2', 'package/bin/backy2']) {
    expect(await starts([join(folder, path)]), path).toBe(true);
    expect(await starts([`./${path}`]), `./${path}`).toBe(true);
  }
  expect(await starts(['linked-backy2']), 'on the path').toBe(true);
});

test('a checkout that is not built says in one line what to run', async () => {
  cpSync(BIN, join(folder, 'bin'), { recursive: true });
  const { code, stderr } = await new Running([join(folder, 'bin/backy2'), 'ls'], { env: { PATH: process.env.PATH ?? '' } }).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^ {3}ERROR: Cannot start: backy2 is not built: .*backy2\.cjs.*Run in .*: npm ci && npm run build\n$/);
});

test('a build without the development packages says in one line what to run', async () => {
  cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true });
  const { code, stderr } = await new Running([process.execPath, 'scripts/build.mjs'], { cwd: folder }).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Cannot build: the development packages are missing\. Run npm ci.*\n$/);
});

test('warnings of Node are not printed; with -d they are logged', async () => {
  const warn = join(folder, 'warn.cjs');
  // At once: a command on SQLite alone ends before Node would emit it.
  const emit = `queueMicrotask(() => process.emit('warning', Object.assign(new Error('a leak'), { name: 'Warning' })))`;
  writeFileSync(warn, `process.on('newListener', (name) => name === 'warning' && ${emit});`);
  const env = { PATH: process.env.PATH ?? '', NODE_OPTIONS: `--require=${warn}` };
  const config = join(folder, 'backy.cfg');
  writeFileSync(
    config,
    `[DEFAULTS]\nlogfile: ${folder}/log\nlock_dir: ${folder}\nencryption_version: 0
[MetaBackend]\nengine: sqlite:///${folder}/db\n[DataBackend]\ntype: file\npath: ${folder}/data\n`,
  );
  const quiet = await new Running([join(BIN, 'backy2'), '-m', '-c', config, 'initdb'], { env }).ended;
  expect(quiet).toMatchObject({ code: 0, stderr: '' });
  const { stdout } = await new Running([join(BIN, 'backy2'), '-d', '-c', config, 'ls'], { env }).ended;
  expect(stdout).toMatch(/DEBUG: .*a leak$/m);
});
