import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { stateOf } from '../support/labs/lab-state.ts';
import { layoutOfFile } from '../support/runner/layout-turn.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
const FULL = ['cleanup', '-f'];
const UID_INDEX = layoutOfFile() === 'compact' ? 'backy2_ix_blobs_uid' : 'ix_blocks_uid';

filesOnly('blob files', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.create();
  });
  afterEach(() => lab.remove());

  const backUp = (blocks: number, name: string) => lab.backup(`file://${lab.write(name, noise(blocks * BLOCK, name))}`, name);

  /** Blobs without a row that no command removed. */
  function orphan(count: number, first = 'f'): void {
    for (let i = 0; i < count; i++)
      lab.store.writeBlob(`${first}${String(i).padStart(9, '0')}`.padEnd(32, 'z'), noise(BLOCK, `${i}`));
  }

  async function expectRefusal(words: readonly string[], said: RegExp): Promise<void> {
    const before = stateOf(lab);
    expectFailure(await lab.run(words), 100, said);
    expect(stateOf(lab)).toEqual(before);
  }

  async function deletedBy(...words: string[]): Promise<number> {
    const before = lab.blobs().length;
    await lab.ok(...words);
    return before - lab.blobs().length;
  }

  /** Replaces the lab's database by a new one, as after a loss. */
  async function loseDatabase(): Promise<void> {
    for (const end of ['', '-wal', '-shm']) rmSync(`${lab.databasePath}${end}`, { force: true });
    await lab.ok('initdb');
  }

  describe('a full cleanup', () => {
    test('with a new database beside the blobs of a lost one is refused, with a prefix too, unless the number is given', async () => {
      // Blobs that a catalogue names are not deleted at all
      // (test/unit/core/catalogue/tidy.test.ts).
      lab.configure({ DataBackend: { catalogue: 'no' } });
      await backUp(3, 'a');
      await loseDatabase();
      await expectRefusal(FULL, /would delete 3 of the 3 blobs in .* names no blob at all.*--yes-delete 3/);
      const prefix = lab.blobs()[0]?.slice(0, 10) ?? '';
      await expectRefusal([...FULL, '-p', prefix], /names no blob at all/);
      await expectRefusal([...FULL, '--yes-delete', '2'], /would delete 3 of the 3/);
      expect(await deletedBy(...FULL, '--yes-delete', '3')).toBe(3);
    });

    test('that would delete most of the blobs, at least 16, is refused; one that would delete fewer is not', async () => {
      await backUp(15, 'a');
      orphan(16);
      await expectRefusal(FULL, /would delete 16 of the 31 blobs in .* No version names them/);
      await expectRefusal([...FULL, '-p', 'f'], /would delete 16 of the \d+ blobs in .* whose uid starts with f/);
      await expectRefusal([...FULL, '--yes-delete', '15'], /would delete 16 of the 31/);
      // Exactly half is not more than half.
      await backUp(1, 'b');
      expect(await deletedBy(...FULL)).toBe(16);
      orphan(15, 'e');
      expect(await deletedBy(...FULL, '-p', 'e')).toBe(15);
    });

    test('deletes all blobs of removed versions, however many', async () => {
      const uid = await backUp(40, 'a');
      await lab.ok('rm', uid);
      expect(await deletedBy(...FULL)).toBe(40);
    });

    test.each([
      { what: 'names nothing', damage: emptyPage },
      { what: 'names another blob', damage: otherUid },
    ])('with an index of blob uids that $what is refused, exit 1, and deletes nothing', async ({ damage }) => {
      const uid = await backUp(20, 'a');
      changeIndex(lab, damage);
      const before = stateOf(lab).files;
      const result = await lab.run(FULL);
      expectFailure(result, 1, new RegExp(`is damaged: .*index ${UID_INDEX}`));
      expectFailure(await lab.run([...FULL, '--yes-delete', '100']), 1, /is damaged/);
      expect(stateOf(lab).files).toEqual(before);
      expect(await lab.restoredSha256(uid)).toHaveLength(64);
    });

    test('takes --yes-delete only with --full, and only a number', async () => {
      expectFailure(await lab.run(['cleanup', '--yes-delete', '1']), 2, /needs --full/);
      expectFailure(await lab.run([...FULL, '--yes-delete', 'all']), 2, /takes a whole number, not "all"/);
      expectFailure(await lab.run([...FULL, '--yes-delete', '-1']), 2, /takes a number of blobs/);
    });
  });
});

/** Overwrites the only page of the index on blob uids. */
function changeIndex(lab: Lab, change: (page: Buffer) => void): void {
  const [index] = lab.query<{ page: number }>(`SELECT rootpage AS page FROM sqlite_master WHERE name = '${UID_INDEX}'`);
  const [size] = lab.query<{ page_size: number }>('PRAGMA page_size');
  const page = Buffer.alloc(size?.page_size ?? 0);
  const position = ((index?.page ?? 0) - 1) * page.length;
  const fd = openSync(lab.databasePath, 'r+');
  readSync(fd, page, 0, page.length, position);
  change(page);
  writeSync(fd, page, 0, page.length, position);
  closeSync(fd);
}

/** Makes a leaf page empty, as after a lost write. */
function emptyPage(page: Buffer): void {
  page.fill(0);
  page.writeUInt8(0x0a, 0);
  page.writeUInt16BE(page.length, 5);
}

/** A letter in the uid of the last entry of the page. */
function otherUid(page: Buffer): void {
  const lastByte = page.length - 8;
  page.writeUInt8(page.readUInt8(lastByte) ^ 1, lastByte);
}
