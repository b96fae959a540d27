import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { stateOf } from '../support/labs/lab-state.ts';

const BLOCK = 4096;
const BLOCKS = 64;
const image = noise(BLOCKS * BLOCK, 'image');

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
  lab.write('image', image);
});
afterEach(() => lab.remove());

async function expectUnchanged(args: string[], code: number, what: string | RegExp): Promise<void> {
  const before = stateOf(lab);
  expectFailure(await lab.run(['backup', ...args]), code, what);
  expect(stateOf(lab)).toEqual(before);
}

describe('a backup of something other than an image', () => {
  test('is refused: character devices and folders', async () => {
    await lab.backup(`file://${lab.path('image')}`, 'vm');
    for (const path of ['/dev/null', '/dev/zero', lab.folder]) {
      await expectUnchanged([`file://${path}`, 'x'], 100, 'neither a regular file nor a block device');
    }
    await lab.backup(`file://${lab.write('empty', '')}`, 'an empty file');
  });
});

describe('hints without a base', () => {
  test('that leave data out are refused with 5, and nothing is stored', async () => {
    await lab.backup(`file://${lab.path('image')}`, 'vm');
    const changes = JSON.stringify([{ offset: 0, length: BLOCK, exists: true }]);
    for (const hints of [changes, '[]']) {
      await expectUnchanged(['-r', lab.write('h', hints), `file://${lab.path('image')}`, 'vm'], 5, 'no base version');
    }
  });

  test('are accepted if the rest is zero, and if they mark it as holes themselves', async () => {
    const sparse = Buffer.alloc(BLOCKS * BLOCK);
    image.copy(sparse, 3 * BLOCK, 3 * BLOCK, 5 * BLOCK);
    const hints = lab.write('h', JSON.stringify([{ offset: 3 * BLOCK, length: 2 * BLOCK, exists: 'true' }]));
    const uid = await lab.backup('-r', hints, `file://${lab.write('sparse', sparse)}`, 'vm');
    expect(await lab.restoredSha256(uid)).toBe(sha256(sparse));
  });

  test('whose entry has neither true nor false are refused, with the entry', async () => {
    await lab.backup(`file://${lab.path('image')}`, 'vm');
    for (const exists of [0, 1, '', null, 'no', 'False']) {
      const hints = [
        { offset: 0, length: image.length, exists: true },
        { offset: 0, length: 1, exists },
      ];
      const file = lab.write('h', JSON.stringify(hints));
      await expectUnchanged(
        ['-r', file, `file://${lab.path('image')}`, 'vm'],
        100,
        `"exists" of The hints file ${file}, entry 2`,
      );
    }
  });
});

describe('a resumed backup', () => {
  /** A version with only its first half, which has a bad block. */
  async function half(): Promise<string> {
    const uid = await lab.backup('-t', 'a', `file://${lab.path('image')}`, 'vm', '-s', 'monday');
    lab.sql('DELETE FROM blocks WHERE id >= ?', BLOCKS / 2);
    lab.sql('UPDATE blocks SET valid = 0 WHERE id = 9');
    lab.sql('UPDATE versions SET valid = 0');
    return uid;
  }

  test('with another source of the same size ends with 5, and the version does not change', async () => {
    const uid = await half();
    const other = `file://${lab.write('other', noise(image.length, 'other'))}`;
    await expectUnchanged(['-c', uid, '-t', 'b', '-e', '2031-01-01', other, 'vm'], 5, `differs from what version ${uid} holds`);
    const hints = lab.write('h', '[{"offset":0,"length":10,"exists":true}]');
    await expectUnchanged(['-c', uid, '-r', hints, other, 'vm'], 5, `differs from what version ${uid} holds`);
    await lab.ok('backup', '-c', uid, `file://${lab.path('image')}`, 'vm');
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  });

  test('with another sparse source of the same size is detected despite common zeros', async () => {
    const [one, two] = [Buffer.alloc(image.length), Buffer.alloc(image.length)];
    image.copy(one, 20 * BLOCK, 0, BLOCK);
    image.copy(two, 40 * BLOCK, 0, BLOCK);
    const uid = await lab.backup(`file://${lab.write('one', one)}`, 'vm');
    lab.sql('DELETE FROM blocks WHERE id >= 50');
    lab.sql('UPDATE versions SET valid = 0');
    await expectUnchanged(['-c', uid, `file://${lab.write('two', two)}`, 'vm'], 5, 'differs from what version');
  });

  test('under another name keeps its own, and reports it', async () => {
    const uid = await half();
    const { code, stdout } = await lab.run(['backup', '-c', uid, '-s', 'tuesday', `file://${lab.path('image')}`, 'other']);
    expect(code).toBe(0);
    expect(stdout).toContain(`WARNING: Version ${uid} keeps its name "vm"; "other" is not used.`);
    expect(stdout).toContain(`WARNING: Version ${uid} keeps its snapshot name "monday"; "tuesday" is not used.`);
    expect(lab.version(uid)).toMatchObject({ name: 'vm', snapshot_name: 'monday', valid: 1 });
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  });

  test('under its own name prints no such message', async () => {
    const uid = await half();
    expect(await lab.ok('backup', '-c', uid, `file://${lab.path('image')}`, 'vm')).not.toContain('WARNING');
  });
});
