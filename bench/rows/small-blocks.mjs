import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from '../lib/program.mjs';
import { writeRandomFile } from '../lib/random-file.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized } from './common.mjs';

const BLOCK_BYTES = 4096;
const REQUIRED_PER_SECOND = 20_000;

/**
 * Measures the cost per block, whatever its size: rows, messages, decisions. The limit is a number
 * of blocks per second; the row on hashing is for comparison only.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* smallBlocks(workspace) {
  const count = workspace.quick ? 16_384 : 262_144;
  const source = join(workspace.memory, 'small-source');
  writeRandomFile(source, count * BLOCK_BYTES);
  const rounds = await alternate(workspace.rounds(), {
    hashing: async () => ({ seconds: await workspace.limits.hash(count, BLOCK_BYTES) }),
    ours: async () => {
      const folder = workspace.folder('disk', 'small-blocks');
      const program = await initialized(new Program(workspace, { folder, blockSize: BLOCK_BYTES }));
      const outcome = await program.run('backup', `file://${source}`, 'bench');
      rmSync(folder, { recursive: true, force: true });
      return { seconds: outcome.seconds, data: dataSeconds(outcome) };
    },
  });
  rmSync(source);
  const perSecond = (/** @type {number | undefined} */ seconds) => count / (seconds ?? Number.NaN);
  const row = { name: 'small-blocks', unit: 'blocks/s' };
  yield toRow(
    { ...row, what: `${count} blocks of 4 KiB, whole process, vs ${REQUIRED_PER_SECOND}`, atLeast: 1 },
    rounds.map(({ ours }) => ({ ours: perSecond(ours.seconds), limit: REQUIRED_PER_SECOND })),
  );
  yield toRow(
    { ...row, what: 'first read to last commit, vs hashing alone' },
    rounds.map(({ ours, hashing }) => ({ ours: perSecond(ours.data), limit: perSecond(hashing.seconds) })),
  );
}
