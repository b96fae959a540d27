import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataPhase } from '../../../../src/core/backup/data-phase.ts';
import { BadBlockRecorder } from '../../../../src/core/blocks/bad-blocks.ts';
import { CheckLog } from '../../../../src/core/blocks/check-log.ts';
import { RecodePhase } from '../../../../src/core/migrate/recode-phase.ts';
import { Meter } from '../../../../src/core/progress.ts';
import { RepairPhase } from '../../../../src/core/repair/repair-phase.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import type { BlobFiles } from '../../../../src/data/file/blob-files.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import { openBlobFiles } from '../../../../src/data/file/open-blob-files.ts';
import { Bitmap } from '../../../../src/model/bitmap.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { InlinePool } from '../../../support/engine/inline-pool.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';
import { KEY_A } from '../../../support/labs/encryption.ts';

const BLOCKS = 3;
const SIZE_BYTES = BLOCKS * BLOCK_SIZE;
const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: SIZE_BYTES };
const SEALED = { version: 1, key: KEY_A, compressionLevel: 1 };

let lab: CoreLab;
let image: Buffer;
beforeEach(async () => {
  lab = await CoreLab.create();
  image = randomBytes(SIZE_BYTES);
});
afterEach(() => lab.dispose());

/** Fails the first sync of folders, as a kernel reports a failed write once. */
function failingOnce(files: BlobFiles): BlobFiles {
  let failed = false;
  return {
    put: (blob) => files.put(blob),
    get: (path, into) => files.get(path, into),
    list: (folder, prefix) => files.list(folder, prefix),
    syncFolders: async (paths) => {
      if (failed || paths.length === 0) return files.syncFolders(paths);
      failed = true;
      throw new Error('EIO, once');
    },
  };
}

/** A pool whose backend writes real files. */
function poolOn({ fails, seals = false }: { fails: boolean; seals?: boolean }): InlinePool {
  const options = { type: 'file', path: lab.dataPath, durable: true } as const;
  const files = openBlobFiles(options);
  const backend = new FileBackend(options, fails ? failingOnce(files) : files);
  const source = { url: lab.source(image), limits: lab.context.io.file };
  return new InlinePool({ ...GEOMETRY, data: lab.data, source, ...(seals ? { encryption: SEALED } : {}) }, backend);
}

function backupOn(pool: InlinePool, versionUid: string): DataPhase {
  return new DataPhase({
    ...{ pool, meta: lab.meta, logger: lab.context.logger, versionUid, geometry: GEOMETRY, encVersion: 0, deduplication: true },
    checks: new CheckLog(lab.context),
    guard: lab.guard(),
    confirmStore: async () => {},
    ...{ read: new Bitmap(BLOCKS, true), counters: NO_COUNTS, elapsedSeconds: () => 0, onBlocks: () => {} },
  });
}

function repairOn(pool: InlinePool, version: Awaited<ReturnType<CoreLab['version']>>): RepairPhase {
  return new RepairPhase({
    ...{ pool, meta: lab.meta, logger: lab.context.logger, version, blockSize: BLOCK_SIZE, readable: SIZE_BYTES, encVersion: 0 },
    confirmStore: async () => {},
    meter: new Meter(BLOCKS, pool, () => {}),
  });
}

/** A version whose rows say what the image holds, by blobs that are not there, all marked bad. */
async function badVersion() {
  const rows = Array.from({ length: BLOCKS }, (_, id) => {
    const checksum = createHash('sha512')
      .update(image.subarray(id * BLOCK_SIZE, (id + 1) * BLOCK_SIZE))
      .digest('hex');
    return { id, uid: newBlobUid(), checksum, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false };
  });
  await lab.wholeVersion('bad', rows);
  await lab.meta.markBlobsInvalid(rows);
  return lab.version('bad');
}

const rowsOf = (uid: string) => lab.meta.blockPage(uid, -1, 100);

describe('when the folder of a blob can not be made durable, once', () => {
  it('a backup ends with that, and commits no row', async () => {
    await lab.newVersion('v1', SIZE_BYTES);
    const pool = poolOn({ fails: true });
    await expect(backupOn(pool, 'v1').run(lab.context.signal)).rejects.toThrow('EIO, once');
    expect(await rowsOf('v1')).toEqual([]);
    await pool.close();
  });

  it('a repair ends with that, and gives no row the new blob', async () => {
    const version = await badVersion();
    const before = await rowsOf('bad');
    const pool = poolOn({ fails: true });
    await expect(repairOn(pool, version).run()).rejects.toThrow('EIO, once');
    expect(await rowsOf('bad')).toEqual(before);
    await pool.close();
  });

  it('a migration ends with that, and commits no row', async () => {
    await lab.newVersion('v1', SIZE_BYTES);
    const first = poolOn({ fails: false });
    await backupOn(first, 'v1').run(lab.context.signal);
    await first.close();
    await lab.newVersion('v2', SIZE_BYTES);
    const pool = poolOn({ fails: true, seals: true });
    await expect((await migrationOn(pool)).run(lab.context.signal)).rejects.toThrow('EIO, once');
    expect(await rowsOf('v2')).toEqual([]);
    await pool.close();
  });
});

describe('when all can be made durable', () => {
  it('the same backup, migration and repair commit every row', async () => {
    await lab.newVersion('v1', SIZE_BYTES);
    await lab.newVersion('v2', SIZE_BYTES);
    const plain = poolOn({ fails: false });
    const sealing = poolOn({ fails: false, seals: true });
    await backupOn(plain, 'v1').run(lab.context.signal);
    await (await migrationOn(sealing)).run(lab.context.signal);
    const repair = repairOn(plain, await badVersion());
    await repair.run();
    expect((await rowsOf('v1')).map(({ encVersion }) => encVersion)).toEqual([0, 0, 0]);
    expect((await rowsOf('v2')).map(({ encVersion }) => encVersion)).toEqual([1, 1, 1]);
    expect((await rowsOf('bad')).map(({ valid }) => valid)).toEqual([true, true, true]);
    expect(repair).toMatchObject({ blocksBad: BLOCKS, blocksMended: BLOCKS, blobsWritten: BLOCKS, errors: [] });
    await plain.close();
    await sealing.close();
  });

  it('a repair takes nothing from a source that has something else', async () => {
    const version = await badVersion();
    image = randomBytes(SIZE_BYTES);
    const pool = poolOn({ fails: false });
    const repair = repairOn(pool, version);
    await repair.run();
    expect(repair).toMatchObject({ blocksBad: BLOCKS, blocksMended: 0, blobsWritten: 0 });
    expect((await rowsOf('bad')).some(({ valid }) => valid)).toBe(false);
    await pool.close();
  });
});

async function migrationOn(pool: InlinePool): Promise<RecodePhase> {
  const origin = await lab.version('v1');
  const { meta } = lab;
  const { logger } = lab.context;
  const bad = new BadBlockRecorder({ meta, logger, version: origin, during: 'migration', guard: lab.guard() });
  const todo = new Bitmap(BLOCKS, true);
  return new RecodePhase({
    ...{ pool, meta, logger, origin, copyUid: 'v2', geometry: GEOMETRY, encVersion: 1, todo, bad, onBlock: () => {} },
    confirmStore: async () => {},
  });
}
