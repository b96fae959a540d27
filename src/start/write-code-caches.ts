import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBundle } from './load-bundle.ts';

// Writes the code caches of the bundles in this folder, by small backups and a listing with this
// Node: for the build, and after the package or another Node was installed. The program itself
// never writes them, so they are as trustworthy as the bundles.

/** An installation must not hang for it. */
const LIMIT_MS = 60_000;
const [BLOCK_BYTES, BLOCKS] = [65536, 10];

const folder = process.argv[2];
if (folder === undefined) prepare();
else void train(folder);

function prepare(): void {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-code-'));
  try {
    run([__filename, folder]);
    run([join(import.meta.dirname, 'backy2.cjs'), '__complete', 'backy2', 'l']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program, which writes at its end what V8 has compiled for it. */
function run(words: readonly string[]): void {
  const command = ['--require', join(import.meta.dirname, 'keep-code.cjs'), ...words];
  // Options there may change V8's flags, and a cache fits the same flags alone.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { status, stderr } = spawnSync(process.execPath, command, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
  });
  if (status !== 0) process.stderr.write(`backy2 will start more slowly, since a code cache was not written: ${stderr}\n`);
}

/** Runs all commands in one process, so that their code is compiled at its end. */
async function train(folder: string): Promise<void> {
  mkdirSync(join(folder, 'data'));
  const [config, threads, image] = [join(folder, 'backy.cfg'), join(folder, 'threads.cfg'), join(folder, 'image')];
  writeFileSync(config, configText(folder));
  writeFileSync(threads, configText(folder, 'workers: 1'));
  const { runProgram } = loadBundle<typeof import('../cli/main.ts')>(import.meta.dirname, 'program');
  const backup = ['backup', `file://${image}`, 'vm'];
  // A few blocks are moved by the program itself, unless the configuration asks for threads.
  const commands = [
    [config, 'initdb'],
    [config, ...backup],
    [threads, ...backup],
    [config, '-ms', 'ls'],
    [config, 'ls'],
  ];
  for (const words of commands) {
    writeFileSync(image, randomBytes(BLOCKS * BLOCK_BYTES));
    process.exitCode = await runProgram(['-c', ...words]);
    if (process.exitCode !== 0) return;
  }
  // There is no server here, but loading them is most of their cost.
  for (const name of ['s3-sdk', 'pg']) loadBundle(import.meta.dirname, name);
}

function configText(folder: string, option = ''): string {
  return `[DEFAULTS]
logfile: ${folder}/log
lock_dir: ${folder}
block_size: ${BLOCK_BYTES}
hash_function: sha512
encryption_version: 0
${option}
[MetaBackend]
engine: sqlite:///${folder}/backy.sqlite
[DataBackend]
type: file
path: ${folder}/data
`;
}
