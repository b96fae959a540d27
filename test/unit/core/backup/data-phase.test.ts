import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, rmSync, truncateSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataPhase } from '../../../../src/core/backup/data-phase.ts';
import { CheckLog } from '../../../../src/core/blocks/check-log.ts';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { Bitmap } from '../../../../src/model/bitmap.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { InlinePool } from '../../../support/engine/inline-pool.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

/** Backs an image up as version `uid`, and makes it valid. */
async function backUp(uid: string, image: Buffer, deduplication = true): Promise<DataPhase> {
  const geometry = { blockSize: BLOCK_SIZE, sizeBytes: image.length };
  const version = await lab.newVersion(uid, image.length);
  const source = { url: lab.source(image), limits: lab.context.io.file };
  const pool = new InlinePool({ ...geometry, data: lab.data, source });
  const { meta } = lab;
  const phase = new DataPhase({
    ...{ pool, meta, logger: lab.context.logger, versionUid: uid, geometry, encVersion: 0, deduplication },
    checks: new CheckLog(lab.context),
    guard: lab.guard(),
    confirmStore: async () => {},
    ...{ read: new Bitmap(version.size, true), counters: NO_COUNTS, elapsedSeconds: () => 0, onBlocks: () => {} },
  });
  await phase.run(lab.context.signal);
  await meta.finishBackup(version, phase.counters);
  await pool.close();
  return phase;
}

const blobsStored = () =>
  readdirSync(lab.dataPath, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.blob'));
const uidsOf = async (uid: string) => (await lab.meta.blockPage(uid, -1, 100)).map((row) => row.uid);

/** An image of blocks that are named by letters; 0 is all zeros. */
function imageOf(letters: string): Buffer {
  const blocks = new Map([['0', Buffer.alloc(BLOCK_SIZE)]]);
  for (const letter of letters) if (!blocks.has(letter)) blocks.set(letter, randomBytes(BLOCK_SIZE));
  return Buffer.concat([...letters].map((letter) => blocks.get(letter) ?? Buffer.alloc(0)));
}

describe('equal blocks', () => {
  it('are stored once, in flight and later, and zeros never', async () => {
    const phase = await backUp('v1', imageOf('aab0bacaaaaa0cca'));
    expect(blobsStored()).toHaveLength(3);
    expect(phase.counters).toMatchObject({ blocksRead: 16, blocksWritten: 3, blocksDedup: 11, blocksSparse: 2 });
    const [a1, a2, b, zero] = await uidsOf('v1');
    expect([a2, zero]).toEqual([a1, null]);
    expect(b).not.toBe(a1);
  });

  it('of another version are not stored at all', async () => {
    const image = imageOf('abc');
    await backUp('v1', image);
    const phase = await backUp('v2', image);
    expect(await uidsOf('v2')).toEqual(await uidsOf('v1'));
    expect(phase.counters).toMatchObject({ blocksWritten: 0, blocksDedup: 3 });
  });

  it('are stored each by itself without deduplication', async () => {
    await backUp('v1', imageOf('aaa'), false);
    expect(new Set(await uidsOf('v1')).size).toBe(3);
  });
});

/** Imports a version that says that the blobs of another one hold these checksums. */
async function importClaims(uid: string, from: string, checksums: readonly string[]): Promise<void> {
  const rows = (await lab.meta.blockPage(from, -1, 100)).map((row, id) => ({
    ...row,
    checksum: checksums[id] ?? '',
    date: lab.now,
  }));
  const version = { ...(await lab.version(from)), uid };
  await lab.meta.importVersion(
    version,
    (async function* () {
      yield* rows;
    })(),
  );
}

describe('a blob that an import names', () => {
  const checksumsOf = (image: Buffer) =>
    [0, 1].map((id) =>
      createHash('sha512')
        .update(image.subarray(id * BLOCK_SIZE, (id + 1) * BLOCK_SIZE))
        .digest('hex'),
    );

  it('for other content than it holds is not used, and the import gets the new one', async () => {
    const image = imageOf('cd');
    await backUp('v1', imageOf('ab'));
    await importClaims('v2', 'v1', checksumsOf(image));
    const phase = await backUp('v3', image);
    expect(phase.rejected.map(({ reason }) => reason)).toEqual(
      [0, 1].map(() => expect.stringMatching(/^an import names it for other content/)),
    );
    expect(phase.counters).toMatchObject({ blocksWritten: 2, blocksDedup: 0 });
    expect(await uidsOf('v2')).toEqual(await uidsOf('v3'));
    expect(await uidsOf('v1')).not.toEqual(await uidsOf('v3'));
  });

  it('and that is gone by then is replaced', async () => {
    const image = imageOf('ab');
    await backUp('v1', image);
    await importClaims('v2', 'v1', checksumsOf(image));
    await lab.meta.removeVersion('v1', () => {});
    rmSync(blobPath(lab.dataPath, (await uidsOf('v2'))[0] ?? ''));
    expect((await backUp('v3', image)).counters).toMatchObject({ blocksWritten: 1, blocksDedup: 1 });
  });
});

describe('a blob that dedup names', () => {
  const damages: [string, (path: string) => void][] = [
    ['missing', (path) => rmSync(path)],
    ['cut', (path) => truncateSync(path, BLOCK_SIZE - 1)],
  ];
  it.each(damages)('and that is %s is replaced, for the other version, too', async (_, damage) => {
    const image = imageOf('ab');
    await backUp('v1', image);
    const [first = ''] = await uidsOf('v1');
    damage(blobPath(lab.dataPath, first ?? ''));
    const phase = await backUp('v2', image);
    expect(phase.rejected).toMatchObject([{ id: 0, uid: first }]);
    expect(await uidsOf('v2')).toEqual(await uidsOf('v1'));
    expect(await uidsOf('v2')).not.toContain(first);
    expect(phase.healing.blocks).toBe(1);
  });

  it('and that a cleanup dooms before the commit is not used: the block is read and stored again', async () => {
    const image = imageOf('a');
    await backUp('v1', image);
    const [doomed = ''] = await uidsOf('v1');
    const { meta } = lab;
    const findBlobs = meta.findBlobs.bind(meta);
    meta.findBlobs = async (...args) => {
      const found = await findBlobs(...args);
      meta.findBlobs = findBlobs;
      await meta.removeVersion('v1', () => {});
      await meta.doomCandidates(0, 10, '');
      return found;
    };
    const phase = await backUp('v2', image);
    expect(await uidsOf('v2')).not.toContain(doomed);
    expect((await lab.version('v2')).valid).toBe(true);
    expect(phase.counters).toMatchObject({ blocksWritten: 1, blocksDedup: 0 });
  });
});
