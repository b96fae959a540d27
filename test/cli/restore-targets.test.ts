import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { treeOf } from '../support/images/trees.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
/** As long as a blob, since the size check refuses longer versions. */
const image = noise(BLOCK, 'image');

let lab: Lab;
let uid: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterEach(() => lab.remove());

/** Files that any command changes. */
function tree(): Record<string, string> {
  const { 'backy.log': _, ...rest } = treeOf(lab.folder);
  return rest;
}

function expectRefused(args: string[], what: string | RegExp, code = 1): Promise<void> {
  return expectUnchanged(['restore', ...args], what, code);
}

async function expectUnchanged(words: string[], what: string | RegExp, code: number): Promise<void> {
  const before = { dump: lab.dump(), tree: tree() };
  expectFailure(await lab.run(words), code, what);
  expect({ dump: lab.dump(), tree: tree() }).toEqual(before);
}

describe('a restore refuses a target that belongs to its own store:', () => {
  test('the database, its side files, the log, the configuration, a lock, under any spelling', async () => {
    symlinkSync(lab.databasePath, lab.path('link'));
    linkSync(lab.databasePath, lab.path('hard link'));
    mkdirSync(lab.path('folder'));
    symlinkSync(lab.folder, lab.path('folder/up'));
    for (const name of ['link', 'hard link', 'folder/up/backy.sqlite', 'backy.sqlite']) {
      await expectRefused(['-f', uid, `file://${lab.path(name)}`], /belongs to the database, .*backy\.sqlite/);
    }
    await expectRefused(['-f', uid, 'file://./folder/../backy.sqlite'], 'belongs to the database');
    for (const suffix of ['-wal', '-shm', '-journal']) {
      // Existing files, and those that would be created where SQLite looks for them.
      await expectRefused(['-f', uid, `file://${lab.databasePath}${suffix}`], 'belongs to the database');
    }
    await expectRefused(['-f', uid, `file://${lab.path('backy.log')}`], 'belongs to the log');
    await expectRefused(['-f', uid, `file://${lab.path('backy.cfg')}`], 'belongs to the configuration');
    await expectRefused([uid, `file://${lab.path('locks/backy_some.lock')}`], 'belongs to the locks');
  });

  test('a blob, or anything in the data folder, under any spelling', async () => {
    const blob = lab.blobOf(uid, 0);
    symlinkSync(blob, lab.path('link'));
    linkSync(blob, lab.path('hard link'));
    symlinkSync(lab.dataPath, lab.path('data link'));
    const relative = blob.slice(lab.dataPath.length + 1);
    for (const path of [blob, lab.path('link'), lab.path('hard link'), join(lab.path('data link'), relative)]) {
      await expectRefused(['-f', uid, `file://${path}`], /belongs to the data folder/);
    }
    await expectRefused([uid, `file://${join(lab.dataPath, 'new')}`], 'belongs to the data folder');
    await expectRefused([uid, `file://${join(lab.path('data link'), 'new')}`], 'belongs to the data folder');
  });

  test('a blob on another disk, where the folder of its blobs is a symlink', async () => {
    const folder = dirname(lab.blobOf(uid, 0));
    renameSync(folder, lab.path('elsewhere'));
    symlinkSync(lab.path('elsewhere'), folder);
    const name = `${lab.blocks(uid)[0]?.uid}.blob`;
    linkSync(lab.path(`elsewhere/${name}`), lab.path('hard link'));
    for (const path of [lab.path(`elsewhere/${name}`), lab.path('hard link')]) {
      await expectRefused(['-f', uid, `file://${path}`], 'belongs to the data folder');
    }
  });

  test('and so does an export', async () => {
    symlinkSync(lab.folder, lab.path('up'));
    await expectUnchanged(['export', uid, lab.path('up/backy.sqlite')], 'belongs to the database', 1);
    await expectUnchanged(['export', uid, lab.blobOf(uid, 0)], 'belongs to the data folder', 1);
    await lab.ok('export', uid, lab.path('an export'));
  });

  test('and no other file beside it, with or without hard links', async () => {
    writeFileSync(lab.path('old'), Buffer.alloc(BLOCK, 1));
    linkSync(lab.path('old'), lab.path('locks/other name'));
    await lab.ok('restore', '-f', uid, `file://${lab.path('old')}`);
    await lab.ok('restore', uid, `file://${lab.path('locks/image')}`);
    for (const name of ['old', 'locks/image']) expect(sha256OfFile(lab.path(name))).toBe(sha256(image));
  });
});

describe('a restore to /dev', () => {
  test('makes no file there', async () => {
    const [typo, below] = ['/dev/backy2-test-typo', '/dev/pts/../backy2-test-typo'];
    symlinkSync('/dev', lab.path('devices'));
    for (const path of [typo, below, lab.path('devices/backy2-test-typo')]) {
      await expectRefused([uid, `file://${path}`], /would be a regular file among the devices/);
      await expectRefused(['-f', uid, `file://${path}`], /would be a regular file among the devices/);
    }
    expect(existsSync(typo)).toBe(false);
  });

  test('refuses a device that stores nothing, and allows /dev/shm', async () => {
    await expectRefused(['-f', uid, 'file:///dev/null'], 'neither a regular file nor a block device');
    if (existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync('/dev').dev) {
      const shm = await Lab.create({ blockSize: BLOCK });
      const target = `/dev/shm/backy2-${process.pid}-${Math.random().toString(36).slice(2)}`;
      try {
        const same = await shm.backup(`file://${lab.path('image')}`, 'vm');
        await shm.ok('restore', same, `file://${target}`);
        expect(sha256(readFileSync(target))).toBe(sha256(image));
      } finally {
        shm.remove();
        rmSync(target, { force: true });
      }
    }
  });
});

test('a larger target keeps its tail, and the log says how much', async () => {
  const old = Buffer.alloc(BLOCK + 777, 'old');
  const larger = lab.write('larger', old);
  expect(await lab.ok('restore', '-f', uid, `file://${larger}`)).toContain(
    `INFO: file://${larger} is larger than the version: its last 777 bytes, from offset ${BLOCK}, keep their old content.`,
  );
  expect(readFileSync(larger).equals(Buffer.concat([image, old.subarray(BLOCK)]))).toBe(true);
  lab.write('same', image);
  expect(await lab.ok('restore', '-f', uid, `file://${lab.path('same')}`)).not.toContain('larger');
});

test('restore --discard frees a file first, and is refused with -c', async () => {
  const old = lab.write('old', Buffer.alloc(100 * BLOCK, 'old'));
  await expectRefused(['-f', '-c', '1', '--discard', uid, `file://${old}`], '--discard would destroy what -c keeps', 2);
  const said = await lab.ok('restore', '-f', '--discard', uid, `file://${old}`);
  expect(said).toContain(`INFO: Discarding file://${old} first.`);
  expect(said).not.toContain('larger');
  expect(readFileSync(old).equals(Buffer.concat([image, Buffer.alloc(99 * BLOCK)]))).toBe(true);
  expect(statSync(old).blocks * 512).toBe(BLOCK);
});

describe('restore -c', () => {
  const blocks = noise(4 * BLOCK, 'blocks');

  test('needs a target that has its first blocks', async () => {
    const version = await lab.backup(`file://${lab.write('blocks', blocks)}`, 'blocks');
    const target = `file://${lab.path('target')}`;
    await expectRefused(['-c', '1', version, target], /is new or empty: the blocks that -c skips would be missing/);
    await expectRefused(['-f', '-c', '4', version, target], /is new or empty/);
    lab.write('target', '');
    await expectRefused(['-f', '-c', '1', version, target], /is new or empty/);
    await expectRefused(['-c', '1', version, target], /is new or empty/);
    lab.write('target', Buffer.alloc(blocks.length, 7));
    await expectRefused(['-c', '1', version, target], 'Target already exists');
    await lab.ok('restore', '-f', '-c', '3', version, target);
    const rest = Buffer.concat([Buffer.alloc(3 * BLOCK, 7), blocks.subarray(3 * BLOCK)]);
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(rest));
  });

  test('takes no more than the blocks that there are, and 0 and -1 on anything', async () => {
    const version = await lab.backup(`file://${lab.write('blocks', blocks)}`, 'blocks');
    const target = lab.write('target', Buffer.alloc(blocks.length, 7));
    await expectRefused(['-f', '-c', '5', version, `file://${target}`], '-c 5 is more than the 4 blocks', 2);
    await lab.ok('restore', '-f', '-c', '4', version, `file://${target}`);
    expect(sha256OfFile(target)).toBe(sha256(Buffer.alloc(blocks.length, 7)));
    for (const from of ['0', '-1']) {
      await lab.ok('restore', '-c', from, version, `file://${lab.path(`new ${from}`)}`);
      expect(sha256OfFile(lab.path(`new ${from}`))).toBe(sha256(blocks));
    }
    const empty = await lab.backup(`file://${lab.write('empty', '')}`, 'empty');
    await lab.ok('restore', '-c', '-1', empty, `file://${lab.path('new empty')}`);
    await expectRefused(['-c', '1', empty, `file://${lab.path('none')}`], '-c 1 is more than the 0 blocks', 2);
  });
});
