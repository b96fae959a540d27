import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childrenCpuMs } from '../lib/processor-time.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { initialized, MOST_OF_NODE } from './common.mjs';

const VERSIONS = 10;
const BLOCKS = 10;
const BLOCK_BYTES = 64 * 1024;
/** The kernel counts in hundredths of a second: a single call is too short for that. */
const CALLS = 5;
/** 60 ms where an empty Node program takes 40. */
const VERSION_OF_NODE = 1.6;
/** 150 ms of processor time where an empty Node program takes 40. */
const BACKUP_OF_NODE = 3.75;

/**
 * The fixed cost of every call, compared with an empty Node program: by the clock, and of all
 * processors together.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* start(workspace) {
  const folder = workspace.folder('disk', 'start');
  const blobs = workspace.folder('disk', 'start-blobs');
  // The number of threads that the program chooses by itself for so little data.
  const program = await initialized(new Program(workspace, { folder, blobs, blockSize: BLOCK_BYTES, workers: 1 }));
  for (let i = 0; i < VERSIONS; i++) await program.run('backup', 'null://4MB', `vm${i}`);
  const image = join(folder, 'image');
  writeFileSync(image, randomBytes(BLOCKS * BLOCK_BYTES));
  const count = workspace.quick ? 1 : CALLS;
  const ours = (/** @type {string[]} */ ...args) => calls(count, workspace.program, ['-c', program.config, ...args]);
  const rounds = await alternate(workspace.rounds(15), {
    limit: calls(count, process.execPath, ['-e', '0']),
    version: calls(count, workspace.program, ['-V']),
    ls: ours('-ms', 'ls'),
    backup: ours('backup', `file://${image}`, 'small'),
  });
  for (const [what, of, required] of /** @type {const} */ ([
    ['backy2 -V', 'version', { wall: VERSION_OF_NODE, cpu: VERSION_OF_NODE }],
    [`backy2 -ms ls of ${VERSIONS} versions`, 'ls', { wall: MOST_OF_NODE, cpu: MOST_OF_NODE }],
    [`backup of ${BLOCKS} blocks of 64 KiB`, 'backup', { cpu: BACKUP_OF_NODE }],
  ])) {
    for (const [time, atMost] of Object.entries(required)) {
      const row = { name: 'start', unit: 'ms', what: `${what}, ${time === 'cpu' ? 'processor time, ' : ''}vs node -e 0`, atMost };
      yield toRow(
        row,
        rounds.map((round) => ({ ours: round[of][time] ?? Number.NaN, limit: round.limit[time] ?? Number.NaN })),
      );
    }
  }
}

/**
 * Runs a command several times. @returns milliseconds of one call.
 * @param {number} count
 * @param {string} command
 * @param {string[]} args
 */
function calls(count, command, args) {
  return async () => {
    const [begin, cpuBegin] = [performance.now(), childrenCpuMs()];
    for (let i = 0; i < count; i++) {
      const { status } = spawnSync(command, args, { stdio: 'ignore' });
      if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
    }
    return { wall: (performance.now() - begin) / count, cpu: (childrenCpuMs() - cpuBegin) / count };
  };
}
