import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { IO_LANES, runLanes } from '../lib/lanes.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { blobsIn, initialized, mbPerSecond, uidOf } from './common.mjs';

/** @type {{ program: Program, uid: string, blobsFolder: string, blobs: string[] } | undefined} */
let stored;

/**
 * A backup of the source with its blobs in memory, made once for all rows that read.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function storedBackup(workspace) {
  if (stored === undefined) {
    const folder = workspace.folder('memory', 'stored');
    const blobsFolder = `${folder}/blobs`;
    const program = await initialized(new Program(workspace, { folder, blobs: blobsFolder }));
    const uid = uidOf(await program.run('backup', `file://${workspace.source()}`, 'bench'));
    stored = { program, uid, blobsFolder, blobs: blobsIn(blobsFolder) };
  }
  return stored;
}

/**
 * Nothing has changed: every block is read, hashed and found, and its blob is checked.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* secondBackup(workspace) {
  const { sourceBytes: bytes, blockSize, workers } = workspace;
  const { program } = await storedBackup(workspace);
  const source = `file://${workspace.source()}`;
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await runLanes(workers, { kind: 'hash', count: bytes / blockSize, blockSize }) }),
    ours: async () => ({ seconds: (await program.run('backup', source, 'again')).seconds }),
  });
  yield throughput({ name: 'second-backup', what: 'whole process, vs hashing alone' }, bytes, rounds);
}

/** @param {import('../lib/workspace.mjs').Workspace} workspace */
export async function* restore(workspace) {
  const { sourceBytes: bytes, blockSize } = workspace;
  const { program, uid, blobs } = await storedBackup(workspace);
  for (const where of /** @type {const} */ (['memory', 'disk'])) {
    const target = join(workspace[where], 'restored');
    const what = `new file on ${where === 'memory' ? 'tmpfs' : 'disk'}, whole process, vs bare read, hash, write, fsync`;
    const rounds = await alternate(workspace.rounds(), {
      limit: async () => {
        createSized(target, bytes);
        const seconds = await runLanes(IO_LANES, { kind: 'read', blobs, blockSize, target });
        rmSync(target);
        return { seconds };
      },
      ours: async () => {
        const { seconds } = await program.run('restore', uid, `file://${target}`);
        rmSync(target);
        return { seconds };
      },
    });
    yield throughput({ name: 'restore', what }, bytes, rounds);
  }
}

/** @param {import('../lib/workspace.mjs').Workspace} workspace */
export async function* scrub(workspace) {
  const { sourceBytes: bytes, blockSize } = workspace;
  const { program, uid, blobs } = await storedBackup(workspace);
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await runLanes(IO_LANES, { kind: 'read', blobs, blockSize }) }),
    ours: async () => ({ seconds: (await program.run('scrub', uid)).seconds }),
  });
  yield throughput({ name: 'scrub', what: 'whole process, vs bare read and hash' }, bytes, rounds);
}

/**
 * @param {{ name: string, what: string }} row @param {number} bytes
 * @param {{ ours: Record<string, number>, limit: Record<string, number> }[]} rounds
 */
function throughput(row, bytes, rounds) {
  const speed = (/** @type {Record<string, number>} */ { seconds }) => mbPerSecond(bytes, seconds ?? Number.NaN);
  return toRow(
    { ...row, unit: 'MB/s' },
    rounds.map(({ ours, limit }) => ({ ours: speed(ours), limit: speed(limit) })),
  );
}

/** @param {string} path @param {number} sizeBytes */
function createSized(path, sizeBytes) {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
}
