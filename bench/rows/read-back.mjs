import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLoopDevice } from '../lib/loop-device.mjs';
import { forget } from '../lib/page-cache.mjs';
import { Program } from '../lib/program.mjs';
import { alternate } from '../lib/rounds.mjs';
import { hasOption, throughput } from './common.mjs';
import { restoreTo, scrubCold, storedBackup } from './stored.mjs';

/**
 * Nothing has changed: every block is read, hashed and found, and its blob is checked. With all
 * cores, and with one.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* secondBackup(workspace) {
  const { sourceBytes: bytes, limits } = workspace;
  const { program, folder: blobs } = await storedBackup(workspace, 'memory');
  const source = `file://${workspace.source()}`;
  const engine = `sqlite:///${program.database}`;
  const folder = workspace.folder('memory', 'one-core');
  const single = new Program(workspace, { folder, blobs, engine, workers: 1, oneCore: true });
  const again = async (/** @type {Program} */ which) => ({ seconds: (await which.run('backup', source, 'again')).seconds });
  const name = 'second-backup';
  const all = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await limits.scan() }),
    ours: () => again(program),
  });
  yield throughput({ name, what: 'unchanged, whole process, vs read and hash', atLeast: 0.8 }, bytes, all);
  const one = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await limits.scan(1) }),
    ours: () => again(single),
  });
  yield throughput({ name, what: 'unchanged, on one core, whole process, vs read and hash by one thread' }, bytes, one);
}

/**
 * Restores from blobs in memory, and in place. The limit is the best threads that read and hash the
 * blobs, and write them to such a target.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* restore(workspace) {
  const { sourceBytes: bytes, limits } = workspace;
  const stored = await storedBackup(workspace, 'memory');
  const { program, uid } = stored;
  const vs = 'whole process, vs the best copiers, which hash';
  const toFile = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await limits.copyBlobs(stored) }),
    ours: () => restoreTo(join(workspace.disk, 'restored'), stored),
  });
  yield throughput({ name: 'restore', what: `to a new file on disk, ${vs}`, atLeast: 0.8 }, bytes, toFile);
  const toDevice = await withLoopDevice(workspace, bytes, (device) =>
    alternate(workspace.rounds(), {
      limit: async () => ({ seconds: await limits.copyToDevice(stored, device) }),
      ours: async () => ({ seconds: (await program.run('restore', '-f', uid, `file://${device}`)).seconds }),
    }),
  );
  if (toDevice !== undefined)
    yield throughput({ name: 'restore', what: `to a loop device, ${vs}`, atLeast: 0.8 }, bytes, toDevice);
  if (hasOption(workspace, 'restore', '--delta')) yield await inPlace(workspace);
  else process.stderr.write('restore: in place not measured: the program has no restore --delta\n');
}

/**
 * Nothing has changed in the target. @param {import('../lib/workspace.mjs').Workspace} workspace
 */
async function inPlace(workspace) {
  const stored = await storedBackup(workspace, 'disk');
  const { program, uid } = stored;
  const target = join(workspace.disk, 'restored');
  await program.run('restore', uid, `file://${target}`);
  const rounds = await alternate(workspace.rounds(), {
    limit: () => scrubCold(stored),
    ours: async () => {
      forget(target);
      return { seconds: (await program.run('restore', '-f', '--delta', uid, `file://${target}`)).seconds };
    },
  });
  rmSync(target);
  const what = 'in place to an unchanged file on disk, whole process, vs scrub';
  return throughput({ name: 'restore', what, atLeast: 0.95 }, workspace.sourceBytes, rounds);
}

/**
 * Blobs that are in memory, and blobs on the disk that are not in the page cache.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* scrub(workspace) {
  for (const where of /** @type {const} */ (['disk', 'memory'])) {
    const stored = await storedBackup(workspace, where);
    const rounds = await alternate(workspace.rounds(), {
      limit: async () => ({ seconds: await workspace.limits.readBlobs(stored) }),
      ours: () => scrubCold(stored),
    });
    const what = `of blobs ${where === 'disk' ? 'on disk, cold' : 'in memory'}, whole process, vs the best readers, which hash`;
    yield throughput({ name: 'scrub', what, atLeast: 0.8 }, workspace.sourceBytes, rounds);
  }
}
