import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CONTENTS, writeContents } from '../lib/contents.mjs';
import { runLanes } from '../lib/lanes.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond } from './common.mjs';

const SOURCE_BYTES = 2 * 1024 ** 3;

/**
 * File to null backend with encryption version 1. The limit is all cores doing only checksum, zstd
 * and GCM of such blocks. One worker is compared with one core, and two with one, to show the gain
 * of a second one.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* encryption(workspace) {
  const { blockSize, workers } = workspace;
  const bytes = Math.min(SOURCE_BYTES, workspace.sourceBytes);
  const name = 'encryption';
  for (const content of CONTENTS) {
    const source = join(workspace.memory, 'encryption-source');
    writeContents(source, { content, sizeBytes: bytes, blockSize });
    const lanes = (/** @type {number} */ threads) => async () => ({
      seconds: await runLanes(threads, { kind: 'seal', count: bytes / blockSize, blockSize, content }),
    });
    const backup = (/** @type {number} */ threads) => async () => {
      const folder = workspace.folder('memory', 'encryption');
      const program = await initialized(new Program(workspace, { folder, encrypted: true, workers: threads }));
      return { seconds: dataSeconds(await program.run('backup', `file://${source}`, 'bench')) };
    };
    const rounds = await alternate(workspace.rounds(), { limit: lanes(workers), ours: backup(workers), one: backup(1) });
    rmSync(source);
    const speed = (/** @type {Record<string, number>} */ { seconds }) => mbPerSecond(bytes, seconds ?? Number.NaN);
    yield toRow(
      { name, what: `${content}: first read to last commit, vs checksum, zstd and GCM alone`, unit: 'MB/s', atLeast: 0.8 },
      rounds.map(({ ours, limit }) => ({ ours: speed(ours), limit: speed(limit) })),
    );
    yield toRow(
      { name, what: `${content}: ${workers} workers, vs one`, unit: 'MB/s' },
      rounds.map(({ ours, one }) => ({ ours: speed(ours), limit: speed(one) })),
    );
  }
}
