import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { cachedBytes, forget } from '../lib/page-cache.mjs';
import { Program } from '../lib/program.mjs';
import { writeRandomFile } from '../lib/random-file.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond, sizeOf } from './common.mjs';

const MIB = 1024 ** 2;
const DEPTH = 4;
const MOST_GROWTH_BYTES = 100 * MIB;
const name = 'cold-source';

/**
 * A file on the disk that is not in the page cache: how fast it is read, compared with fio, and
 * what a backup of it leaves in the page cache.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* coldSource(workspace) {
  const source = join(workspace.disk, 'cold-source');
  // Half of it is backed up for the page cache.
  const bytes = 2 * workspace.sourceBytes;
  writeRandomFile(source, bytes);
  if (spawnSync('fio', ['--version']).status === 0) yield* reading(workspace, source, bytes);
  else process.stderr.write(`${name}: reading not measured: fio is not installed\n`);
  truncateSync(source, bytes / 2);
  yield await pageCache(workspace, source);
  rmSync(source);
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {string} source
 * @param {number} bytes
 */
async function* reading(workspace, source, bytes) {
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => {
      forget(source);
      return { speed: fioSpeed(source) };
    },
    ours: async () => {
      forget(source);
      const folder = workspace.folder('memory', name);
      const program = await initialized(new Program(workspace, { folder, inFlight: DEPTH }));
      const outcome = await program.run('backup', `file://${source}`, 'bench');
      return { data: mbPerSecond(bytes, dataSeconds(outcome)), whole: mbPerSecond(bytes, outcome.seconds) };
    },
  });
  const of = (/** @type {'data' | 'whole'} */ part) =>
    rounds.map(({ ours, limit }) => ({ ours: ours[part] ?? Number.NaN, limit: limit.speed ?? Number.NaN }));
  const vs = `vs fio, direct, ${DEPTH} at once`;
  yield toRow(
    { name, what: `${sizeOf(bytes)} to nowhere, first read to last commit, ${vs}`, unit: 'MB/s', atLeast: 0.9 },
    of('data'),
  );
  yield toRow({ name, what: `${sizeOf(bytes)} to nowhere, whole process, ${vs}`, unit: 'MB/s' }, of('whole'));
}

/** Reads the whole file in blocks of 4 MiB. @param {string} path @returns MB/s. */
function fioSpeed(path) {
  const words = ['--name=read', `--filename=${path}`, '--readonly', '--rw=read', '--bs=4M', '--direct=1'];
  const output = execFileSync('fio', [...words, '--ioengine=libaio', `--iodepth=${DEPTH}`, '--output-format=json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return Number(JSON.parse(output.slice(output.indexOf('{'))).jobs[0].read.bw_bytes) / 1e6;
}

/**
 * From a cold file to the file backend, both on the disk.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {string} source
 */
async function pageCache(workspace, source) {
  const rounds = await alternate(workspace.rounds(3), {
    ours: async () => {
      const folder = workspace.folder('disk', 'cold-store');
      const program = await initialized(new Program(workspace, { folder, blobs: `${folder}/blobs` }));
      forget(source);
      const before = cachedBytes();
      await program.run('backup', `file://${source}`, 'bench');
      const growth = cachedBytes() - before;
      rmSync(folder, { recursive: true });
      return { growth };
    },
  });
  const what = `growth of the page cache by a backup of ${sizeOf(workspace.sourceBytes)} to disk, vs ${MOST_GROWTH_BYTES / MIB} MiB`;
  return toRow(
    { name, what, unit: 'MiB', atMost: 1 },
    rounds.map(({ ours }) => ({ ours: (ours.growth ?? Number.NaN) / MIB, limit: MOST_GROWTH_BYTES / MIB })),
  );
}
