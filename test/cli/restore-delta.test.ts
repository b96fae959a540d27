import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { treeOf } from '../support/images/trees.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
const BLOCKS = 60;
const image = Buffer.concat([noise(40 * BLOCK, 'start'), Buffer.alloc(10 * BLOCK), noise(10 * BLOCK - 99, 'end')]);
/** Blocks 5, 6, 45 and 59 differ. */
const old = Buffer.concat([image, noise(1000, 'tail')]);
old.fill('old', 5 * BLOCK + 10, 6 * BLOCK + 10);
old.fill('old', 45 * BLOCK, 45 * BLOCK + 1);
old.fill('old', image.length - 1, image.length);

let lab: Lab;
let uid: string;
let path: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  path = lab.write('target', old);
});
afterEach(() => lab.remove());

const target = () => `file://${path}`;

/** Files that any command changes. */
function state() {
  const { 'backy.log': _, ...rest } = treeOf(lab.folder);
  return { dump: lab.dump(), rest };
}

test('restore --delta writes what differs, says how much, and then finds nothing to do', async () => {
  const before = state();
  expect(await lab.ok('restore', '--delta', '--dry-run', uid, target())).toContain(
    `INFO: Dry run: ${BLOCKS - 4} blocks would be kept, 4 written.`,
  );
  expect(state()).toEqual(before);
  const said = await lab.ok('restore', '-f', '--delta', uid, target());
  expect(said).toContain(`INFO: ${BLOCKS - 4} blocks kept, 4 written.`);
  expect(said).toContain('is larger than the version: its last 1000 bytes');
  expect(sha256OfFile(path)).toBe(sha256(Buffer.concat([image, old.subarray(image.length)])));
  const { stdout } = await lab.run(['--json', 'restore', '-f', '--delta', uid, target()]);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ dry_run: false, size: BLOCKS, blocks_kept: BLOCKS, blocks_written: 0 },
    ...{ blocks_restored: 0, blocks_sparse: 0, blocks_skipped: 0, blocks_bad: 0 },
  });
});

test('restore --delta needs no blob of a block that is kept, and reports one that it needs', async () => {
  lab.blobAt(uid, 0).remove();
  await lab.ok('restore', '-f', '--delta', uid, target());
  expect(readFileSync(path).subarray(0, image.length).equals(image)).toBe(true);
  writeFileSync(path, old);
  lab.blobAt(uid, 5).remove();
  expect(await lab.run(['restore', '-f', '--delta', uid, target()])).toMatchObject({
    code: 20,
    stderr: expect.stringContaining('1 of 60 blocks are wrong or missing'),
  });
  expect(
    readFileSync(path)
      .subarray(5 * BLOCK, 6 * BLOCK)
      .equals(Buffer.alloc(BLOCK)),
  ).toBe(true);
  expect(lab.versions()[0]?.valid).toBe(0);
});

test('a dry run marks nothing, and finds that rows are missing', async () => {
  lab.sql('DELETE FROM blocks WHERE id = 45');
  const before = state();
  expectFailure(await lab.run(['restore', '--delta', '--dry-run', uid, target()]), 20, 'Blocks 45 to 45 are missing');
  expect(state()).toEqual(before);
});

test('a target that is not there, empty, too small, or not to be overwritten is refused', async () => {
  const refused = async (what: string | RegExp, code: number, ...words: string[]) => {
    const before = state();
    expectFailure(await lab.run(['restore', ...words]), code, what);
    expect(state()).toEqual(before);
  };
  const none = `file://${lab.path('none')}`;
  for (const words of [['-f', '--delta'], ['--delta'], ['--delta', '--dry-run']]) {
    await refused(`Target ${none} is new or empty: there is nothing to compare the version with.`, 1, ...words, uid, none);
  }
  expect(existsSync(lab.path('none'))).toBe(false);
  await refused('is new or empty', 1, '-f', '--delta', uid, `file://${lab.write('empty', '')}`);
  await refused('Target size is too small', 1, '-f', '--delta', uid, `file://${lab.write('small', image.subarray(1))}`);
  await refused('Target already exists', 1, '--delta', uid, target());
  await refused('--discard would destroy what --delta compares', 2, '-f', '--delta', '--discard', uid, target());
  await refused('--dry-run needs --delta', 2, '-f', '--dry-run', uid, target());
  await refused('--delta-from needs an RBD image as target', 2, '-f', '--delta-from', 'snap', uid, target());
  await refused(
    'There is no valid version of "vm" with snapshot "snap"',
    100,
    '-f',
    '--delta-from',
    'snap',
    uid,
    'rbd://vms/web',
  );
  await refused(/belongs to the database/, 1, '-f', '--delta', uid, `file://${lab.databasePath}`);
});
