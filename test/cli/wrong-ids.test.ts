import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
const BLOCKS = 12;
const WRONG = 5;
const REFUSED = 100;
const image = noise(BLOCKS * BLOCK - 100, 'ids');
/** Bytes around the image on the target, which must stay. */
const BESIDE = Buffer.alloc(300 * BLOCK, 'beside');

async function withVersion(body: (lab: Lab, uid: string) => Promise<void>): Promise<void> {
  await withLab({ blockSize: BLOCK, workers: 1 }, async (lab) => {
    await body(lab, await lab.backup(`file://${lab.write('image', image)}`, 'vm'));
  });
}

/**
 * Restores into a file that is longer than the image.
 * @returns exit code, stderr, and both parts of the target.
 */
async function restoreBeside(lab: Lab, uid: string) {
  const target = lab.write('target', Buffer.concat([Buffer.alloc(image.length, 'old'), BESIDE]));
  const { code, stderr } = await lab.run(['restore', '-f', uid, `file://${target}`]);
  const bytes = readFileSync(target);
  return { code, stderr, restored: bytes.subarray(0, image.length), beside: bytes.subarray(image.length) };
}

/** The image with zeros as block 5. */
function withHole(): Buffer {
  const bytes = Buffer.from(image);
  bytes.fill(0, WRONG * BLOCK, (WRONG + 1) * BLOCK);
  return bytes;
}

async function isFound(lab: Lab, uid: string, id: string): Promise<void> {
  const problem = `Version ${uid} has 1 block rows with a wrong id (${id}). Its blocks are numbered from 0 to ${BLOCKS - 1}.`;
  const { code, stderr, restored, beside } = await restoreBeside(lab, uid);
  expect(code).toBe(20);
  expect(stderr).toContain(problem);
  expect(restored.equals(withHole())).toBe(true);
  expect(beside.equals(BESIDE)).toBe(true);
  expect(lab.version(uid).valid).toBe(0);
  lab.sql('UPDATE versions SET valid = 1');
  const scrubbed = await lab.run(['scrub', uid]);
  expect(scrubbed).toMatchObject({ code: 20 });
  expect(scrubbed.stderr).toContain(problem);
  expect(lab.version(uid).valid).toBe(0);
  const file = lab.path('export.csv');
  const exported = await lab.run(['export', uid, file]);
  expect(exported.stderr).toContain(`Version ${uid} was not exported: its rows are damaged.`);
  expect([exported.code, existsSync(file)]).toEqual([REFUSED, false]);
  const repaired = await lab.run(['repair', uid, '-s', `file://${lab.path('image')}`]);
  expect(repaired).toMatchObject({ code: 20 });
  expect(repaired.stderr).toContain(problem);
  expect(lab.version(uid).valid).toBe(0);
}

test.each([-127, BLOCKS, 261])(
  'a row whose id is %i: found by restore, scrub and repair, nothing is written beside the image',
  (id) =>
    withVersion(async (lab, uid) => {
      lab.sql('UPDATE blocks SET id = ? WHERE id = ?', id, WRONG);
      await isFound(lab, uid, String(id));
      // Removing the version also removes that row.
      await lab.ok('rm', '-f', uid);
      expect(lab.blocks()).toEqual([]);
    }),
);

test('a row too many is found, though all blocks are there', () =>
  withVersion(async (lab, uid) => {
    const columns = 'uid, version_uid, date, checksum, size, valid, enc_version, enc_envkey, enc_nonce';
    lab.sql(`INSERT INTO blocks (id, ${columns}) SELECT 200, ${columns} FROM blocks WHERE id = ?`, WRONG);
    const { code, stderr, restored, beside } = await restoreBeside(lab, uid);
    expect(code).toBe(20);
    expect(stderr).toContain('1 block rows with a wrong id (200)');
    expect({ restored: restored.equals(image), beside: beside.equals(BESIDE) }).toEqual({ restored: true, beside: true });
    expect(lab.version(uid).valid).toBe(0);
  }));

filesOnly('shape of rows', () => {
  test.each([
    ['a fraction', 1.5, '1.5'],
    ['a text', 'x', 'x'],
  ])('a row whose id is %s: the same', (_, id, shown) =>
    withVersion(async (lab, uid) => {
      lab.sql('UPDATE blocks SET id = ? WHERE id = ?', id, WRONG);
      await isFound(lab, uid, shown);
      expect((await lab.run(['diff-meta', uid, uid])).code).toBe(0);
    }),
  );

  test.each([1.5, 'x', -127])('a row whose id is %s is not taken over by a backup, which reads the block instead', (id) =>
    withVersion(async (lab, base) => {
      lab.sql('UPDATE blocks SET id = ? WHERE id = ?', id, WRONG);
      const hints = lab.write('hints', JSON.stringify([{ offset: 0, length: BLOCK, exists: true }]));
      const uid = await lab.backup('-f', base, '-r', hints, `file://${lab.path('image')}`, 'vm');
      expect(lab.version(uid).valid).toBe(1);
      expect(lab.blocks(uid).map((row) => row.id)).toEqual(Array.from({ length: BLOCKS }, (_, n) => n));
      const { code, restored } = await restoreBeside(lab, uid);
      expect({ code, isRight: restored.equals(image) }).toEqual({ code: 0, isRight: true });
    }),
  );
});
