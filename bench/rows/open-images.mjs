import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { mbPerSecond } from './common.mjs';
import { storedBackup } from './stored.mjs';

const MIB = 1024 ** 2;
/** Minimum speed of a copying client, as a share of a restore to nowhere. */
const NBD_OF_RESTORE = 0.8;
const FUSE_OF_RESTORE = 0.5;
/**
 * 150 MiB for the program with its protocol, the cache of blocks
 * (src/core/serve/block-reader.ts), and the page cache of SQLite.
 */
const MEMORY_BYTES = (150 + 256 + 256) * MIB;
const RANDOM_READS = 40_000;

/**
 * A restore to nowhere keeps all cores busy, and a client shares them. The cost of the protocol,
 * which the limit is about, shows only with one core left to the client.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @returns {Promise<{ program: Program, uid: string, workers: string }[]>}
 */
async function programs(workspace) {
  const { program, uid, folder: blobs } = await storedBackup(workspace, 'memory');
  const all = { program, uid, workers: 'workers on all cores' };
  if (workspace.workers < 2) return [all];
  const folder = workspace.folder('memory', 'core-left');
  const engine = `sqlite:///${program.database}`;
  const fewer = new Program(workspace, { folder, blobs, engine, workers: workspace.workers - 1 });
  return [{ program: fewer, uid, workers: 'a core left to the client' }, all];
}

/**
 * A version over NBD, compared with a restore to nowhere.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* nbd(workspace) {
  if (!has('nbdcopy', '--version')) return sayMissing('nbd', 'nbdcopy (Debian package libnbd-bin)');
  const socket = join(workspace.memory, 'nbd.sock');
  const choices = await programs(workspace);
  for (const { program, uid, workers } of choices) {
    const rounds = await alternate(workspace.rounds(), {
      limit: async () => ({ value: await restoreSeconds(program, uid) }),
      ours: () => serving(program, { socket, uid }, (from) => seconds('nbdcopy', from, 'null:')),
    });
    const what = `nbdcopy to null:, ${workers}`;
    yield* sequentialRows('nbd', { what, atLeast: NBD_OF_RESTORE }, { rounds, bytes: workspace.sourceBytes });
  }
  if (!has('qemu-img', '--version')) return sayMissing('nbd', 'qemu-img (Debian package qemu-utils)');
  if (!has('nbdkit', '--version')) return sayMissing('nbd', 'nbdkit, the limit of random reads,');
  const span = workspace.quick ? 32 * MIB : 128 * MIB;
  const { program, uid } = await storedBackup(workspace, 'memory');
  const random = await alternate(workspace.rounds(3), {
    limit: async () => ({ value: await nbdkitReads(join(workspace.memory, 'nbdkit.sock'), span) }),
    ours: () => serving(program, { socket, uid }, async (from) => readsPerSecond(from, span)),
  });
  const what = `random reads of 4 KiB in ${span / MIB} MiB in memory, 16 at once, vs nbdkit memory`;
  yield toRow(
    { name: 'nbd', what, unit: 'reads/s' },
    random.map(({ ours, limit }) => ({ ours: ours.value ?? Number.NaN, limit: limit.value ?? Number.NaN })),
  );
}

/**
 * Serves all versions while `body` runs.
 * @param {Program} program
 * @param {{ socket: string, uid: string }} where
 * @param {(uri: string) => Promise<number>} body
 * @returns {Promise<Record<string, number>>}
 */
async function serving(program, { socket, uid }, body) {
  const server = program.start(['nbd', '--socket', socket], { watchMemory: true });
  await listening(socket);
  const value = await body(`nbd+unix:///${uid}?socket=${socket}`);
  server.child.kill('SIGTERM');
  const { peakBytes } = await server.ended;
  return { value, peakBytes };
}

/**
 * A version as a file, compared with a restore to nowhere.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* fuse(workspace) {
  if (!existsSync('/dev/fuse') || !has('fusermount', '-V'))
    return sayMissing('fuse', '/dev/fuse and fusermount (Debian package fuse)');
  const mountpoint = join(workspace.memory, 'mnt');
  mkdirSync(mountpoint, { recursive: true });
  for (const { program, uid, workers } of await programs(workspace)) {
    // The first way needs memory for the page cache. If the kernel must first get that from its
    // host, this is included.
    for (const [how, flags] of /** @type {const} */ ([
      ['dd of the file', []],
      ['dd of the file, without page cache', ['iflag=direct']],
    ])) {
      const rounds = await alternate(workspace.rounds(), {
        limit: async () => ({ value: await restoreSeconds(program, uid) }),
        ours: async () => {
          const server = program.start(['fuse', mountpoint], { watchMemory: true });
          await until(() => readdirSync(mountpoint).length > 0);
          const file = `${mountpoint}/by_version_uid/${uid}/data`;
          const value = await seconds('dd', `if=${file}`, 'of=/dev/null', 'bs=1M', 'status=none', ...flags);
          server.child.kill('SIGTERM');
          const { peakBytes } = await server.ended;
          return { value, peakBytes };
        },
      });
      const what = `${how}, ${workers}`;
      yield* sequentialRows('fuse', { what, atLeast: FUSE_OF_RESTORE }, { rounds, bytes: workspace.sourceBytes });
    }
  }
}

/**
 * @param {string} name @param {{ what: string, atLeast: number }} row
 * @param {{ rounds: { ours: Record<string, number>, limit: Record<string, number> }[], bytes:
 * number }} measured
 */
function* sequentialRows(name, { what, atLeast }, { rounds, bytes }) {
  const speed = (/** @type {Record<string, number>} */ { value }) => mbPerSecond(bytes, value ?? Number.NaN);
  yield toRow(
    { name, what: `${what}, vs a restore to null://, whole process`, unit: 'MB/s', atLeast },
    rounds.map(({ ours, limit }) => ({ ours: speed(ours), limit: speed(limit) })),
  );
  yield toRow(
    { name, what: `peak memory meanwhile, vs ${MEMORY_BYTES / MIB} MiB`, unit: 'MiB', atMost: 1 },
    rounds.map(({ ours }) => ({ ours: (ours.peakBytes ?? Number.NaN) / MIB, limit: MEMORY_BYTES / MIB })),
  );
}

/** @param {Program} program @param {string} uid */
async function restoreSeconds(program, uid) {
  return (await program.run('restore', uid, 'null://')).seconds;
}

/**
 * Reads with a stride that no read-ahead can guess: once over all, so that it is in memory, then
 * measured.
 * @param {string} uri
 * @param {number} span
 */
async function readsPerSecond(uri, span) {
  const reads = async () =>
    seconds(
      'qemu-img',
      'bench',
      '-f',
      'raw',
      '-c',
      String(RANDOM_READS),
      '-d',
      '16',
      '-s',
      '4096',
      '-S',
      String(1_052_672),
      boundedBy(uri, span),
    );
  await reads();
  return RANDOM_READS / (await reads());
}

/** @param {string} uri @param {number} span */
function boundedBy(uri, span) {
  return `json:{"driver":"raw","size":${span},"file":{"driver":"nbd","export":"${new URL(uri).pathname.slice(1)}","server":{"type":"unix","path":"${new URL(uri).searchParams.get('socket')}"}}}`;
}

/** @param {string} socket @param {number} span */
async function nbdkitReads(socket, span) {
  // It leaves its socket behind.
  rmSync(socket, { force: true });
  const server = spawn('nbdkit', ['-f', '-U', socket, 'memory', String(span)], { stdio: 'ignore' });
  try {
    await listening(socket);
    return await readsPerSecond(`nbd+unix:///?socket=${socket}`, span);
  } finally {
    server.kill('SIGTERM');
  }
}

/** Runs a program. @param {string} command @param {string[]} args @returns seconds. */
async function seconds(command, ...args) {
  const begin = performance.now();
  await run(command, ...args);
  return (performance.now() - begin) / 1000;
}

/** @param {string} command @param {string[]} args @returns {Promise<void>} */
function run(command, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))));
  });
}

/** Waits until a server answers. @param {string} socket */
async function listening(socket) {
  const answers = () =>
    new Promise((resolve) => {
      const probe = connect(socket, () => resolve(true)).on('error', () => resolve(false));
      probe.on('connect', () => probe.destroy());
    });
  while (!(await answers())) await sleep(10);
}

/** @param {() => boolean} isSo */
async function until(isSo) {
  while (!isSo()) await sleep(10);
}

/** @param {string} command @param {string[]} args */
function has(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).error === undefined;
}

/** @param {string} name @param {string} what */
function sayMissing(name, what) {
  process.stderr.write(`${name}: not measured: ${what} is missing\n`);
}
