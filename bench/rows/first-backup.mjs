import { rmSync } from 'node:fs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized, mbPerSecond, sizeOf, slowest } from './common.mjs';

/**
 * File to null backend: only reading, checksums and rows are left. The limit is all cores reading
 * and hashing the file.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* firstBackup(workspace) {
  const limits = { limit: () => workspace.limits.scan() };
  const rounds = await measure(workspace, limits, () => new Program(workspace, { folder: workspace.folder('memory', 'first') }));
  const name = 'first-backup';
  const size = sizeOf(workspace.sourceBytes);
  yield toRow(
    { name, what: `${size} to nowhere, whole process, vs read and hash`, unit: 'MB/s', atLeast: 0.85 },
    of('whole', rounds),
  );
  yield toRow({ name, what: `${size} to nowhere, first read to last commit, vs the same`, unit: 'MB/s' }, of('data', rounds));
}

/**
 * File to file backend on the disk, every blob durable before its row. The limit is the slower of
 * reading and hashing the file, and of the best writers of blobs, as if neither took time from the
 * other. The best storers do both.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* fileBackend(workspace) {
  const { limits } = workspace;
  const name = 'file-backend';
  if (workspace.diskIsMemory) process.stderr.write(`${name}: --disk-dir is on a tmpfs, so fsync costs nothing\n`);
  const slower = () =>
    slowest(
      () => limits.scan(),
      () => limits.writeBlobs(),
    );
  const rounds = await measure(workspace, { limit: slower, storers: () => limits.storeBlobs() }, () => {
    const folder = workspace.folder('disk', 'first');
    return new Program(workspace, { folder, blobs: `${folder}/blobs` });
  });
  const size = sizeOf(workspace.sourceBytes);
  const what = `${size} to disk, whole process, vs the slower of read and hash, and of the best writers`;
  yield toRow({ name, what, unit: 'MB/s', atLeast: 0.8 }, of('whole', rounds));
  yield toRow({ name, what: `${size} to disk, first read to last commit, vs the same`, unit: 'MB/s' }, of('data', rounds));
  const storers = rounds.map((round) => ({ ...round, limit: round.storers }));
  yield toRow({ name, what: `${size} to disk, whole process, vs the best storers`, unit: 'MB/s' }, of('whole', storers));
}

/**
 * First backups in new folders: without rows there is no dedup. Besides them runs each of the
 * limits.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {{ limit: () => Promise<number>, storers?: () => Promise<number> }} limits
 * @param {() => Program} create
 */
async function measure(workspace, { limit, storers = async () => Number.NaN }, create) {
  const { sourceBytes: bytes } = workspace;
  const source = `file://${workspace.source()}`;
  const rounds = await alternate(workspace.rounds(), {
    limit: async () => ({ seconds: await limit() }),
    storers: async () => ({ seconds: await storers() }),
    ours: async () => {
      const program = await initialized(create());
      const outcome = await program.run('backup', source, 'bench');
      rmSync(program.folder, { recursive: true });
      return { whole: outcome.seconds, data: dataSeconds(outcome) };
    },
  });
  return rounds.map(({ limit, storers, ours }) => ({
    limit: mbPerSecond(bytes, limit.seconds),
    storers: mbPerSecond(bytes, storers.seconds),
    whole: mbPerSecond(bytes, ours.whole),
    data: mbPerSecond(bytes, ours.data),
  }));
}

/** @param {'whole' | 'data'} part @param {Record<'limit' | 'whole' | 'data', number>[]} rounds */
function of(part, rounds) {
  return rounds.map(({ limit, ...ours }) => ({ ours: ours[part], limit }));
}
