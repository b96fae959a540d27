import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { Lab, type StoredBlob } from '../support/labs/lab.ts';

const BLOCK = 4096;
const BAD = 7;
const KEY = 'ab'.repeat(32);
const image = noise(20 * BLOCK, 'image');
const other = Buffer.concat([noise(3 * BLOCK, 'other'), image, image.subarray(BAD * BLOCK, (BAD + 1) * BLOCK)]);

describe.each([
  ['without encryption', { encryption_version: 0 }],
  ['with encryption', { encryption_version: 1, encryption_key: KEY }],
])('a block that was found bad, %s', (_, encryption) => {
  let lab: Lab;
  let first: string;
  let second: string;
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK, config: { DEFAULTS: encryption } });
    first = await lab.backup(`file://${lab.write('image', image)}`, 'first');
    second = await lab.backup(`file://${lab.write('other', other)}`, 'second');
  });
  afterEach(() => lab.remove());

  /** Damages blocks of the first version and lets scrub find them. */
  const damage = async (...ids: number[]) => {
    const blobs = ids.map((id) => lab.blobAt(first, id));
    for (const blob of blobs) flipByte(blob);
    expect((await lab.run(['scrub', first])).code).toBe(20);
    expect([lab.version(first).valid, lab.version(second).valid]).toEqual([0, 0]);
    return blobs;
  };
  const bothAreGood = async () => {
    expect([lab.version(first).valid, lab.version(second).valid]).toEqual([1, 1]);
    await lab.ok('scrub', first);
    await lab.ok('scrub', second);
    expect(await lab.restoredSha256(first)).toBe(sha256(image));
    expect(await lab.restoredSha256(second)).toBe(sha256(other));
  };

  test('is repaired in all versions by a backup that reads its content, and the next cleanup removes the old blob', async () => {
    const [blob] = await damage(BAD);
    const { stdout } = await lab.run(['--json', 'backup', `file://${lab.path('image')}`, 'again']);
    const result = JSON.parse(stdout) as { uid: string; versions_mended: string[] };
    expect(result).toMatchObject({ blocks_mended: 3, blocks_written: 1 });
    expect(result.versions_mended.sort()).toEqual([first, second].sort());
    expect(lab.blobAt(first, BAD).uid).toBe(lab.blobAt(result.uid, BAD).uid);
    expect(lab.blobAt(second, 23).uid).toBe(lab.blobAt(result.uid, BAD).uid);
    await bothAreGood();
    await lab.ok('cleanup', '--dangerous-force');
    expect(lab.blobs()).not.toContain(blob?.uid);
    await bothAreGood();
  });

  test('is repaired from the source alone by the command repair, which reads no other block', async () => {
    await damage(BAD, 2);
    // All but the bad blocks differ: nothing else may be read or taken.
    const copy = noise(image.length, 'elsewhere');
    for (const id of [BAD, 2]) image.copy(copy, id * BLOCK, id * BLOCK, (id + 1) * BLOCK);
    const { code, stdout } = await lab.run(['--json', 'repair', first, '--source', `file://${lab.write('copy', copy)}`]);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ uid: first, blocks_bad: 2, blocks_mended: 2, blocks_mended_elsewhere: 3, blobs_written: 2, valid: true, errors: [] },
    });
    expect(code).toBe(0);
    await bothAreGood();
  });

  test('stays bad if the source differs or ends before it; other blocks are repaired', async () => {
    await damage(BAD, 2, 19);
    const copy = Buffer.from(image.subarray(0, 19 * BLOCK + 5));
    copy.fill(9, 2 * BLOCK, 3 * BLOCK);
    const { code, stdout } = await lab.run(['--json', 'repair', first, '-s', `file://${lab.write('copy', copy)}`]);
    expect(code).toBe(20);
    const { errors, ...result } = JSON.parse(stdout) as { errors: { id: number; is: string; should_be: string }[] };
    expect(result).toMatchObject({ blocks_bad: 3, blocks_mended: 1, valid: false, versions_mended: [] });
    expect(errors.map(({ id }) => id).sort()).toEqual([19, 2]);
    expect(errors.find(({ id }) => id === 19)?.is).toBe('past its end');
    expect(lab.blocks(first).flatMap(({ id, valid }) => (valid === 0 ? [id] : []))).toEqual([2, 19]);
    const again = await lab.run(['repair', first, '-s', `file://${lab.path('image')}`]);
    expect(again).toMatchObject({ code: 0 });
    await bothAreGood();
  });

  test('is repaired as soon as a backup finds its blob missing, before any scrub', async () => {
    const blob = lab.blobAt(first, BAD);
    blob.remove();
    await lab.ok('backup', `file://${lab.path('image')}`, 'again');
    expect(lab.blobAt(first, BAD).uid).not.toBe(blob.uid);
    await bothAreGood();
  });
});

describe('repair', () => {
  test('has nothing to do in a good version, and reports that an incomplete one lacks rows', async () => {
    const lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
    try {
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'v');
      const source = `file://${lab.path('image')}`;
      expect(await lab.run(['repair', uid, '-s', source])).toMatchObject({ code: 0 });
      expect((await lab.run(['repair', uid])).stderr).toContain('repair needs a source');
      lab.sql('DELETE FROM blocks WHERE id = 3');
      expect((await lab.run(['scrub', uid])).code).toBe(20);
      const incomplete = await lab.run(['repair', uid, '-s', source]);
      expect(incomplete).toMatchObject({ code: 20 });
      expect(incomplete.stderr).toContain('Version is incomplete');
    } finally {
      lab.remove();
    }
  });

  test('restores the validity of a repaired version only when all is good: blocks that no version lost stay shared', async () => {
    const lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
    try {
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'v');
      lab.blobAt(uid, BAD).write(Buffer.alloc(9));
      await lab.run(['scrub', uid]);
      await lab.ok('repair', uid, '-s', `file://${lab.path('image')}`);
      await checkRestores(lab, new Map([[uid, sha256(image)]]));
    } finally {
      lab.remove();
    }
  });
});

function flipByte(blob: StoredBlob): void {
  const bytes = blob.read();
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  blob.write(bytes);
}
