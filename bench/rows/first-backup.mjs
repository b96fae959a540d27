import { runLanes } from '../lib/lanes.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond } from './common.mjs';

/**
 * File to null backend: only reading, checksums and rows are left. The limit is all cores doing
 * only checksums.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* firstBackup(workspace) {
  const { sourceBytes: bytes, blockSize, workers } = workspace;
  const source = `file://${workspace.source()}`;
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await runLanes(workers, { kind: 'hash', count: bytes / blockSize, blockSize }) }),
    ours: async () => {
      // A new database each time: without rows there is no dedup.
      const program = await initialized(new Program(workspace, { folder: workspace.folder('memory', 'first-backup') }));
      const outcome = await program.run('backup', source, 'bench');
      return { process: outcome.seconds, data: dataSeconds(outcome) };
    },
  });
  const limits = rounds.map((round) => mbPerSecond(bytes, round.limit.seconds));
  const of = (/** @type {'data' | 'process'} */ part) =>
    rounds.map((round, index) => ({ ours: mbPerSecond(bytes, round.ours[part]), limit: limits[index] ?? Number.NaN }));
  const name = 'first-backup';
  yield toRow({ name, what: 'first read to last commit, vs hashing alone', unit: 'MB/s', atLeast: 0.85 }, of('data'));
  yield toRow({ name, what: 'whole process, vs hashing alone', unit: 'MB/s', atLeast: 0.78 }, of('process'));
}
