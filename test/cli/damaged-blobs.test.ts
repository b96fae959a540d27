import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { Lab, type StoredBlob } from '../support/labs/lab.ts';

const BLOCK = 4096;
const BAD = 7;

const image = noise(20 * BLOCK, 'image');
const otherImage = Buffer.concat([noise(3 * BLOCK, 'other'), image]);
const unrelated = noise(5 * BLOCK, 'unrelated');

let intact: Lab;
let lab: Lab;
/** Two versions with the damaged block, and one without it. */
let first: string;
let second: string;
let third: string;
beforeAll(async () => {
  intact = await Lab.create({ blockSize: BLOCK });
  first = await intact.backup(`file://${intact.write('image', image)}`, 'first');
  second = await intact.backup(`file://${intact.write('other', otherImage)}`, 'second');
  third = await intact.backup(`file://${intact.write('unrelated', unrelated)}`, 'third');
});
afterAll(() => intact.remove());
beforeEach(async () => {
  lab = await intact.clone('copied');
});
afterEach(() => lab.remove());

const DAMAGES: [what: string, damage: (blob: StoredBlob) => void, said: string][] = [
  ['deleted', (blob) => blob.remove(), 'Blob is missing'],
  ['with a flipped byte', flipByte, 'Checksum mismatch'],
  ['that was cut', (blob) => blob.write(blob.read().subarray(0, 100)), 'Length mismatch'],
  ['that is empty', (blob) => blob.write(Buffer.alloc(0)), 'Length mismatch'],
  ['that was grown', (blob) => blob.write(Buffer.concat([blob.read(), Buffer.alloc(9)])), 'Length mismatch'],
];

describe.each(DAMAGES)('a blob %s', (_, damage, said) => {
  test('is reported by scrub with exit 20, and every version with it becomes invalid', async () => {
    damage(lab.blobAt(first, BAD));
    const { code, stderr } = await lab.run(['scrub', first]);
    expect(stderr).toContain(`ERROR: ${said} during scrub for block ${BAD} (UID ${lab.blocks(first)[BAD]?.uid}`);
    expect(code).toBe(20);
    expectMarked();
  });

  test('is reported by restore with exit 20, all other blocks are restored', async () => {
    damage(lab.blobAt(first, BAD));
    const target = lab.path('target');
    const { code, stderr } = await lab.run(['restore', first, `file://${target}`]);
    expect(stderr).toContain(`${said} during restore for block ${BAD}`);
    expect(code).toBe(20);
    const restored = readFileSync(target);
    expect(restored.length).toBe(image.length);
    for (const good of [
      [0, BAD * BLOCK],
      [(BAD + 1) * BLOCK, image.length],
    ]) {
      expect(sha256(restored.subarray(...good))).toBe(sha256(image.subarray(...good)));
    }
    expectMarked();
  });

  test('is stored again by the next backup that reads the block', async () => {
    const before = lab.blobs().length;
    damage(lab.blobAt(first, BAD));
    const visible = said !== 'Checksum mismatch' && lab.store.showsDamage;
    if (!visible) await lab.run(['scrub', first]);
    const bad = lab.blocks(first)[BAD]?.uid;
    const again = await lab.run(['backup', `file://${lab.path('image')}`, 'again']);
    expect(again.code).toBe(0);
    if (visible) expect(again.stdout).toMatch(new RegExp(`WARNING: Blob ${bad} was not used again for block ${BAD}`));
    const uid = lab.versions().find(({ name }) => name === 'again')?.uid ?? '';
    expect(lab.blocks(uid)[BAD]?.uid).not.toBe(bad);
    expect(lab.blobs().length).toBe(said === 'Blob is missing' ? before : before + 1);
    await lab.ok('scrub', uid);
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  });
});

describe('after a blob was found bad', () => {
  test('a version of the same source is made good by a new backup, the bad ones stay invalid until they are removed', async () => {
    flipByte(lab.blobAt(first, BAD));
    expect((await lab.run(['scrub', first])).code).toBe(20);
    const again = await lab.backup(`file://${lab.path('image')}`, 'again');
    await lab.ok('rm', first, second);
    await lab.ok('cleanup', '--dangerous-force');
    await checkRestores(
      lab,
      new Map([
        [third, sha256(unrelated)],
        [again, sha256(image)],
      ]),
    );
  });

  test('a full scrub of the repaired blob makes block and version valid again', async () => {
    const blob = lab.blobAt(first, BAD);
    const good = blob.read();
    flipByte(blob);
    expect((await lab.run(['scrub', first])).code).toBe(20);
    blob.write(good);
    await lab.ok('scrub', first);
    expect(lab.version(first).valid).toBe(1);
    expect(lab.blocks(first).every(({ valid }) => valid === 1)).toBe(true);
  });

  test('an invalid version is no base, and is restored with a warning as far as it goes', async () => {
    lab.blobAt(first, BAD).remove();
    expect((await lab.run(['scrub', first])).code).toBe(20);
    const based = await lab.run(['backup', '-f', first, `file://${lab.path('image')}`, 'x']);
    expect(based).toMatchObject({ code: 100 });
    expect(based.stderr).toContain('ERROR: You cannot base on an invalid version.');
    const restored = await lab.run(['restore', first, `file://${lab.path('target')}`]);
    expect(restored.code).toBe(20);
    const expected = Buffer.from(image);
    expected.fill(0, BAD * BLOCK, (BAD + 1) * BLOCK);
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(expected));
  });

  test("restore -s keeps the target's data in place of a missing block", async () => {
    lab.blobAt(first, BAD).remove();
    const target = lab.write('target', Buffer.alloc(image.length, 3));
    expect((await lab.run(['restore', '-s', '-f', first, `file://${target}`])).code).toBe(20);
    const expected = Buffer.from(image);
    expected.fill(3, BAD * BLOCK, (BAD + 1) * BLOCK);
    expect(sha256OfFile(target)).toBe(sha256(expected));
  });
});

function expectMarked(): void {
  expect([first, second, third].map((uid) => lab.version(uid).valid)).toEqual([0, 0, 1]);
  const invalid = lab.blocks().filter(({ valid }) => valid === 0);
  expect(invalid.map(({ version_uid, id }) => [version_uid, id]).sort()).toEqual(
    [
      [first, BAD],
      [second, BAD + 3],
    ].sort(),
  );
}

function flipByte(blob: StoredBlob): void {
  const bytes = blob.read();
  bytes[1234] = (bytes[1234] ?? 0) ^ 1;
  blob.write(bytes);
}
