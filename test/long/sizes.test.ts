import { closeSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { withLab } from '../support/labs/lab.ts';

const MIB = 1024 * 1024;

// For cutting images of all sizes into blocks, see test/unit/core/backup/cutting-images.test.ts.
test('sources of no bytes, of less than a block and of several jobs come back and scrub clean, and cleanup -f finds nothing to delete', async () => {
  await withLab({ blockSize: 65536 }, async (lab) => {
    const oracle = new Map<string, string>();
    for (const length of [0, 1, 2 * MIB + 123]) {
      const bytes = noise(length, `${length}`);
      const uid = await lab.backup(`file://${lab.write('image', bytes)}`, `${length}`, '-t', 'size');
      expect(lab.version(uid)).toMatchObject({ size: Math.ceil(length / 65536), size_bytes: length, valid: 1 });
      oracle.set(uid, sha256(bytes));
    }
    await checkStoreAndCleanUp(lab, oracle);
  });
});

describe('zeros and repetitions', () => {
  test('holes are not stored, are holes in a new target, and read as zeros over an old one', async () => {
    await withLab({}, async (lab) => {
      const source = lab.path('sparse');
      const fd = openSync(source, 'w');
      ftruncateSync(fd, 8 * MIB);
      writeSync(fd, noise(4096, 'a'), 0, 4096, MIB);
      writeSync(fd, noise(5000, 'b'), 0, 5000, 5 * MIB + 100);
      closeSync(fd);
      const uid = await lab.backup(`file://${source}`, 'holes');
      expect(lab.blobs()).toHaveLength(3);
      await lab.ok('restore', uid, `file://${lab.path('new')}`);
      expect(sha256OfFile(lab.path('new'))).toBe(sha256OfFile(source));
      expect(statSync(lab.path('new')).blocks * 512).toBeLessThan(MIB);
      lab.write('old', noise(8 * MIB, 'old'));
      await lab.ok('restore', '-f', uid, `file://${lab.path('old')}`);
      expect(sha256OfFile(lab.path('old'))).toBe(sha256OfFile(source));
    });
  });

  test("written zeros are sparse, and -s keeps the target's data in their place", async () => {
    await withLab({}, async (lab) => {
      const zeros = Buffer.alloc(64 * 4096 + 1);
      const uid = await lab.backup(`file://${lab.write('zeros', zeros)}`, 'zeros');
      expect(lab.blobs()).toEqual([]);
      expect(lab.blocks(uid).every((block) => block.uid === null && block.checksum === null)).toBe(true);
      expect(await lab.restoredSha256(uid)).toBe(sha256(zeros));
      const old = lab.write('old', noise(zeros.length, 'old'));
      await lab.ok('restore', '-f', '-s', uid, `file://${old}`);
      expect(sha256OfFile(old)).toBe(sha256(noise(zeros.length, 'old')));
    });
  });

  test.each([
    [1000, 4096],
    [40, MIB],
  ])('a block repeated %i times, of %i bytes, is stored once, even while it is in flight', async (count, blockSize) => {
    await withLab({ blockSize, config: { DEFAULTS: { workers: 4 } } }, async (lab) => {
      const image = Buffer.concat(new Array<Buffer>(count).fill(noise(blockSize, 'one')));
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'same');
      expect(lab.blobs()).toHaveLength(1);
      expect(new Set(lab.blocks(uid).map((block) => block.uid)).size).toBe(1);
      const [stats] = lab.query<{ blocks_written: number; blocks_found_dedup: number }>('SELECT * FROM stats');
      expect(stats).toMatchObject({ blocks_written: 1, blocks_found_dedup: count - 1, blocks_read: count, blocks_sparse: 0 });
      expect(await lab.restoredSha256(uid)).toBe(sha256(image));
    });
  });
});

test('a source of several commit groups keeps every block in its place', async () => {
  await withLab({ blockSize: 512 }, async (lab) => {
    // Groups have 20,000 rows. Few blocks are stored, so the time goes into rows.
    const image = Buffer.alloc(21_000 * 512 - 7);
    for (let id = 0; id < 21_000; id++) {
      const content = id % 50 === 0 ? noise(512, `content ${id % 2000}`) : Buffer.alloc(512);
      content.copy(image, id * 512);
    }
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'long');
    expect(lab.blocks(uid)).toHaveLength(21_000);
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });
});

test('block sizes may change between versions: each restores and scrubs with its own', async () => {
  await withLab({ blockSize: 65536 }, async (lab) => {
    const image = noise(MIB + 5, 'image');
    const oracle = new Map<string, string>();
    oracle.set(await lab.backup(`file://${lab.write('image', image)}`, 'big'), sha256(image));
    lab.configure({ DEFAULTS: { block_size: 4096 } });
    oracle.set(await lab.backup(`file://${lab.path('image')}`, 'small'), sha256(image));
    await checkStoreAndCleanUp(lab, oracle);
  });
});
