import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Program } from '../lib/program.mjs';
import { toRow } from '../lib/rounds.mjs';
import { initialized, uidOf } from './common.mjs';

const MIB = 1024 ** 2;
/** Without slots, from 1 to 16 workers: each has a heap of its own. */
const PROGRAM_BYTES = 80 * MIB;
const WORKER_BYTES = 10 * MIB;
/** The program's default, `sqlite_cache_mb`. */
const PAGE_CACHE_BYTES = 256 * MIB;
/**
 * Memory of a worker's slots, as src/engine/pool/pool-options.ts plans them: 6 to 16 slots in 64
 * MiB. That is more than source and backend may have in flight here.
 */
const SLOTS_BYTES = 64 * MIB;
const [LEAST_SLOTS, MOST_SLOTS] = [6, 16];
const GIB = 1024 ** 3;
/** Tolerance for random differences between runs, such as the timing of garbage collection. */
const GROWTH_ALLOWED = 1.15;
/** 200 TB in blocks of 4 MiB. */
const MANY_BLOCKS = 50_000_000;

/**
 * Peak memory of the whole process. 10 TB in blocks of 4 MiB take most of an hour, so the large
 * image is measured in parts:
 * - for as long as the small one takes, and for a minute of reading. Plan, progress and claims are
 *   for the whole image from the start; only the database's page cache and the heap fill up with
 *   time.
 * - with a hint that leaves one block to read, so that all 2.6 million rows are made.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* memory(workspace) {
  const perWorker = Math.floor(SLOTS_BYTES / workspace.blockSize / workspace.workers);
  const slots = workspace.workers * Math.max(LEAST_SLOTS, Math.min(MOST_SLOTS, perWorker));
  const program = PROGRAM_BYTES + workspace.workers * WORKER_BYTES;
  const bound = program + slots * workspace.blockSize + PAGE_CACHE_BYTES;
  const largeBytes = (workspace.quick ? 100 : 10 * 1024) * GIB;
  const large = workspace.quick ? '100GB' : '10TB';
  const small = await peak(workspace, ['backup', `null://${workspace.quick ? '1GB' : '10GB'}`, 'small'], undefined);
  const beginning = await peak(workspace, ['backup', `null://${large}`, 'beginning'], small.seconds);
  const reading = await peak(workspace, ['backup', `null://${large}`, 'reading'], workspace.quick ? 1 : 60);
  const hints = `${workspace.folder('disk', 'memory-hints')}/hints.json`;
  const rest = { offset: workspace.blockSize, length: largeBytes - workspace.blockSize, exists: false };
  writeFileSync(hints, JSON.stringify([{ offset: 0, length: workspace.blockSize, exists: true }, rest]));
  const rows = await peak(workspace, ['backup', '-r', hints, `null://${large}`, 'rows'], undefined);
  const row = { name: 'memory', unit: 'MiB' };
  const inMib = (/** @type {{ bytes: number }} */ ours, /** @type {number} */ limit) => [
    { ours: ours.bytes / MIB, limit: limit / MIB },
  ];
  const what = `vs ${program / MIB} MiB + ${slots} slots x 4 MiB + page cache`;
  yield toRow({ ...row, what: `10 GB image, ${what}`, atMost: 1 }, inMib(small, bound));
  yield toRow({ ...row, what: `${large} image, reading, ${what}`, atMost: 1 }, inMib(reading, bound));
  yield toRow({ ...row, what: `${large} image, all rows, ${what}`, atMost: 1 }, inMib(rows, bound));
  const growth = `${large} image, reading for the same time, vs the 10 GB image`;
  yield toRow({ ...row, what: growth, atMost: GROWTH_ALLOWED }, inMib(beginning, small.bytes));
  const blocks = workspace.quick ? 100_000 : MANY_BLOCKS;
  for (const [name, bytes] of Object.entries(await manyBlocks(workspace, blocks)))
    yield toRow({ ...row, what: `${blocks} blocks, compact, ${name}, ${what}`, atMost: 1 }, inMib({ bytes }, bound));
}

/**
 * Peak memory of commands on a version of many blocks in the compact layout. All but a few are zero
 * blocks, whose leaves are as many as any.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {number} blocks
 */
async function manyBlocks(workspace, blocks) {
  const program = new Program(workspace, { folder: workspace.folder('disk', 'memory') });
  await program.run('initdb', '--layout', 'compact');
  const { blockSize } = workspace;
  const hints = `${program.folder}/hints.json`;
  const rest = { offset: blockSize, length: (blocks - 1) * blockSize, exists: false };
  writeFileSync(hints, JSON.stringify([{ offset: 0, length: blockSize, exists: true }, rest]));
  const changes = `${program.folder}/changes.json`;
  writeFileSync(changes, JSON.stringify([{ offset: 0, length: blockSize, exists: true }]));
  const path = join(workspace.folder('memory', 'memory'), 'source');
  writeFileSync(path, 'no zeros');
  truncateSync(path, blocks * blockSize);
  const source = `file://${path}`;
  const watched = (/** @type {string[]} */ ...args) => program.start(args, { watchMemory: true }).ended;
  const first = await watched('backup', '-r', hints, source, 'vm');
  const next = await watched('backup', '-f', uidOf(first), '-r', changes, source, 'vm');
  const usage = await watched('du');
  for (const { exitCode, stderr } of [first, next, usage])
    if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr}`);
  return { 'all rows': first.peakBytes, 'hinted backup': next.peakBytes, du: usage.peakBytes };
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {string[]} args
 * @param {number | undefined} stopAfterSeconds
 */
async function peak(workspace, args, stopAfterSeconds) {
  const program = await initialized(new Program(workspace, { folder: workspace.folder('disk', 'memory') }));
  const run = program.start(args, { watchMemory: true });
  if (stopAfterSeconds !== undefined) {
    await Promise.race([sleep(stopAfterSeconds * 1000), run.ended]);
    run.child.kill('SIGTERM');
  }
  const { exitCode, peakBytes, stderr, seconds } = await run.ended;
  if (exitCode !== (stopAfterSeconds === undefined ? 0 : 143))
    throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stderr}`);
  return { bytes: peakBytes, seconds };
}
