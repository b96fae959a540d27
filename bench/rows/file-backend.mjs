import { rmSync } from 'node:fs';
import { IO_LANES, runLanes } from '../lib/lanes.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond } from './common.mjs';

/**
 * File to file backend, every blob durable before its row. The limit is the slower of two: all
 * cores doing only checksums, and bare threads that write such blobs with the same fsyncs.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* fileBackend(workspace) {
  const name = 'file-backend';
  if (workspace.diskIsMemory) process.stderr.write('file-backend: --disk-dir is on a tmpfs, so fsync costs nothing\n');
  const onDisk = await measure(workspace, 'disk', workspace.rounds());
  yield toRow({ name, what: 'disk, vs min(hashing, bare durable writers)', unit: 'MB/s', atLeast: 0.7 }, onDisk.map(strictest));
  yield toRow(
    { name, what: 'disk, whole process, vs the same', unit: 'MB/s' },
    onDisk.map((round) => ({ ...strictest(round), ours: round.whole })),
  );
  yield toRow(
    { name, what: 'disk, vs bare writers without fsync', unit: 'MB/s' },
    onDisk.map((round) => ({ ours: round.ours, limit: round.loose })),
  );
  const inMemory = await measure(workspace, 'memory', workspace.rounds(3));
  yield toRow({ name, what: 'tmpfs, vs min(hashing, bare durable writers)', unit: 'MB/s' }, inMemory.map(strictest));
}

/** @param {{ ours: number, hashing: number, durable: number }} round */
function strictest({ ours, hashing, durable }) {
  return { ours, limit: Math.min(hashing, durable) };
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {'disk' | 'memory'} where
 * @param {number} rounds
 */
async function measure(workspace, where, rounds) {
  const { sourceBytes: bytes, blockSize, workers } = workspace;
  const count = bytes / blockSize;
  const source = `file://${workspace.source()}`;
  const store = async (/** @type {boolean} */ durable) => {
    const folder = workspace.folder(where, 'bare');
    const seconds = await runLanes(IO_LANES, { kind: 'store', count, blockSize, folder, durable });
    rmSync(folder, { recursive: true, force: true });
    return { seconds };
  };
  const results = await alternate(rounds, {
    hashing: async () => ({ seconds: await runLanes(workers, { kind: 'hash', count, blockSize }) }),
    loose: () => store(false),
    durable: () => store(true),
    ours: async () => {
      const folder = workspace.folder(where, 'ours');
      const program = await initialized(new Program(workspace, { folder, blobs: `${folder}/blobs` }));
      const outcome = await program.run('backup', source, 'bench');
      rmSync(folder, { recursive: true, force: true });
      return { seconds: dataSeconds(outcome), whole: outcome.seconds };
    },
  });
  return results.map(({ hashing, loose, durable, ours }) => ({
    hashing: mbPerSecond(bytes, hashing.seconds),
    loose: mbPerSecond(bytes, loose.seconds),
    durable: mbPerSecond(bytes, durable.seconds),
    ours: mbPerSecond(bytes, ours.seconds),
    whole: mbPerSecond(bytes, ours.whole),
  }));
}
