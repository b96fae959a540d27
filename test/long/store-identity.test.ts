import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { treeOf } from '../support/images/trees.ts';
import { Lab } from '../support/labs/lab.ts';
import { stateOf } from '../support/labs/lab-state.ts';
import { lacking, needFuse } from '../support/runner/machine.ts';

const BLOCK = 4096;
const BLOCKS = 128;
const STORE_FILE = 'backy2-store-id';
const DATA_BACKEND = 6;
const BLOCKS_BAD = 20;

const fuse = lacking(await needFuse());

const image = noise(BLOCKS * BLOCK, 'image');
const HINTS = JSON.stringify([{ offset: 0, length: BLOCK, exists: true }]);

let intact: Lab;
let lab: Lab;
/** A version of `image` that shares no blob. */
let uid: string;
/** An export of a version that is missing in the database, with the same blobs. */
let exported: string;
beforeAll(async () => {
  intact = await Lab.create({ blockSize: BLOCK });
  uid = await intact.backup(`file://${intact.write('image', image)}`, 'vm');
  exported = (await intact.ok('-m', 'export', uid, '-')).replaceAll(uid, '11111111-1111-1111-8111-111111111111');
});
afterAll(() => intact.remove());
beforeEach(async () => {
  lab = await intact.clone('copied');
  lab.write('image', image);
  lab.write('hints', HINTS);
});
afterEach(() => lab.remove());

const source = () => `file://${lab.path('image')}`;
const storeFile = () => join(lab.dataPath, STORE_FILE);
const idIn = (path: string) => readFileSync(join(path, STORE_FILE), 'utf8').split(' ')[0];
/** Replaces the data folder as if its file system were not mounted. The real one is moved aside. */
function unmount(): string {
  renameSync(lab.dataPath, lab.path('mounted'));
  mkdirSync(lab.dataPath);
  return lab.dataPath;
}
function mount(): void {
  rmSync(lab.dataPath, { recursive: true });
  renameSync(lab.path('mounted'), lab.dataPath);
}
function emptyFolder(name: string): string {
  mkdirSync(lab.path(name));
  return lab.path(name);
}
function removeBlobs(count: number): void {
  for (const blob of lab.blobs().slice(0, count)) lab.blob(blob).remove();
}

/** Commands that read or write blobs. `target` is the file that a restore would create. */
const COMMANDS: [name: string, args: () => string[]][] = [
  ['backup', () => ['backup', source(), 'vm']],
  ['backup of something new', () => ['backup', `file://${lab.write('new', noise(BLOCK, 'new'))}`, 'new']],
  ['backup -r -f', () => ['backup', '-r', lab.path('hints'), '-f', uid, source(), 'vm']],
  ['restore', () => ['restore', uid, `file://${lab.path('target')}`]],
  ['scrub', () => ['scrub', uid]],
  ['scrub --oldest', () => ['scrub', '--oldest', '100']],
  ['repair', () => ['repair', uid, '-s', source()]],
  ['cleanup', () => ['cleanup', '--dangerous-force']],
  ['cleanup --full', () => ['cleanup', '--full']],
  ['import', () => ['import', lab.write('exported', exported)]],
  ['migrate-encryption', () => ['migrate-encryption', uid]],
  ['nbd', () => ['nbd', '--socket', lab.path('socket')]],
  ...(fuse.skip ? [] : [['fuse', () => ['fuse', emptyFolder('mnt')]] satisfies [string, () => string[]]]),
];

/** Puts the data folder of another installation in place. */
async function useOtherStore(): Promise<void> {
  const other = await Lab.create({ blockSize: BLOCK });
  await other.backup(`file://${other.write('image', noise(20 * BLOCK, 'other'))}`, 'other');
  unmount();
  cpSync(other.dataPath, lab.dataPath, { recursive: true });
  other.remove();
}

const NOT_THERE = /is not the store that the database belongs to: of 16 blobs that were looked for, 16 are missing/;
const WRONG_STORES: [what: string, make: () => unknown, said: RegExp][] = [
  ['a folder that is not mounted', unmount, NOT_THERE],
  ['a mountpoint that holds only lost+found', () => mkdirSync(join(unmount(), 'lost+found')), NOT_THERE],
  ["another store's folder", useOtherStore, /is store [0-9a-f-]{36}, but the database belongs to store [0-9a-f-]{36}/],
];

test.each(WRONG_STORES)(`%s ends every command with exit code 6, and nothing is changed${fuse.note}`, async (_, make, said) => {
  await make();
  const commands = COMMANDS.map(([name, args]) => ({ name, words: args() }));
  const before = stateOf(lab);
  for (const { name, words } of commands) {
    const { code, stderr } = await lab.run(words);
    expect({ name, stderr, code }).toEqual({ name, stderr: expect.stringMatching(said), code: DATA_BACKEND });
    expect(existsSync(lab.path('target'))).toBe(false);
  }
  expect(stateOf(lab)).toEqual(before);
  mount();
  await lab.ok('scrub', uid);
});

describe('a folder without the store, and without an id in the database', () => {
  test.each(['lost+found', '00'])('with only %s in it is refused too', async (name) => {
    unmount();
    lab.sql('DROP TABLE backy2_store');
    mkdirSync(join(lab.dataPath, name));
    const before = stateOf(lab);
    for (const command of [
      ['restore', uid, `file://${lab.path('target')}`],
      ['backup', source(), 'vm'],
      ['scrub', uid],
    ]) {
      expect((await lab.run(command)).code).toBe(DATA_BACKEND);
    }
    expect(stateOf(lab)).toEqual(before);
    expect(existsSync(lab.path('target'))).toBe(false);
  });
});

describe('an id', () => {
  test('is made by the first backup, and kept', async () => {
    const id = idIn(lab.dataPath);
    expect(lab.query('SELECT id FROM backy2_store')).toEqual([{ id }]);
    await lab.backup(source(), 'again');
    expect(idIn(lab.dataPath)).toBe(id);
    expect(id).not.toBe(idIn((await freshStore()).dataPath));
  });

  test("is given to a store without one, and the original's files and rows stay unchanged", async () => {
    rmSync(storeFile());
    lab.sql('DROP TABLE backy2_store');
    const [files, dump] = [treeOf(lab.dataPath), lab.dump()];
    await lab.ok('scrub', uid);
    const { [STORE_FILE]: added, ...rest } = treeOf(lab.dataPath);
    expect(added).toBeDefined();
    expect(rest).toEqual(files);
    expect(lab.dump()).toEqual(dump);
  });

  test.each<[string, () => void]>([
    ['the file', () => rmSync(storeFile())],
    ['its table', () => lab.sql('DROP TABLE backy2_store')],
    ['a whole file', () => writeFileSync(storeFile(), readFileSync(storeFile(), 'utf8').replace(/[0-9a-f]/, 'x'))],
    ['more than an empty file', () => writeFileSync(storeFile(), '')],
  ])('that lacks %s is the same again, since most blobs are there', async (_, damage) => {
    const id = idIn(lab.dataPath);
    damage();
    removeBlobs(1);
    await lab.backup('-r', lab.path('hints'), '-f', uid, source(), 'vm');
    expect(idIn(lab.dataPath)).toBe(id);
    expect(lab.query('SELECT id FROM backy2_store')).toEqual([{ id }]);
  });

  test('is created again for a folder that is empty because no version is left', async () => {
    await lab.ok('rm', uid);
    await lab.ok('cleanup', '--dangerous-force');
    const id = idIn(lab.dataPath);
    rmSync(lab.dataPath, { recursive: true });
    await lab.backup(source(), 'vm');
    expect(idIn(lab.dataPath)).toBe(id);
  });

  test('is not written by a command that fails before', async () => {
    const fresh = await freshStore({ backup: false });
    expect((await fresh.run(['restore', uid, `file://${fresh.path('target')}`])).code).not.toBe(0);
    expect(readdirSync(fresh.folder)).not.toContain('target');
  });

  const labs: Lab[] = [];
  afterAll(() => {
    for (const other of labs) other.remove();
  });
  async function freshStore({ backup = true } = {}): Promise<Lab> {
    const fresh = await Lab.create({ blockSize: BLOCK });
    labs.push(fresh);
    if (backup) await fresh.backup(`file://${fresh.write('image', noise(BLOCK, 'fresh'))}`, 'vm');
    return fresh;
  }
});

describe('blobs that are missing in numbers', () => {
  /** 100 of 128: a sample cannot miss all of them. */
  const LOST = 100;

  test('are not marked by restore, which writes what is there and ends with 20', async () => {
    removeBlobs(LOST);
    const before = stateOf(lab);
    const { code, stderr } = await lab.run(['restore', uid, `file://${lab.path('target')}`]);
    expect(code).toBe(BLOCKS_BAD);
    expect(stderr).toMatch(/Of \d+ blobs that were looked for in .*, \d+ are missing. Going on without marking any of them/);
    expect(stderr).toContain(`${LOST} of ${BLOCKS} blocks are wrong or missing`);
    expect(stderr).not.toContain('Blob is missing');
    expect(stateOf(lab).tables.blocks).toEqual(before.tables.blocks);
    expect(stateOf(lab).tables.versions).toEqual(before.tables.versions);
    const missing = new Set(lab.blobs());
    const restored = readFileSync(lab.path('target'));
    for (const { id, uid: blob } of lab.blocks(uid)) {
      const at: [number, number] = [id * BLOCK, (id + 1) * BLOCK];
      const expected = missing.has(blob ?? '') ? image.subarray(...at) : Buffer.alloc(BLOCK);
      expect(restored.subarray(...at).equals(expected)).toBe(true);
    }
  });

  test.each<[string, () => string[]]>([
    ['scrub', () => ['scrub', uid]],
    ['scrub --oldest', () => ['scrub', '--oldest', '100']],
    ['repair', () => ['repair', uid, '-s', source()]],
    ['a hinted backup', () => ['backup', '-r', lab.path('hints'), '-f', uid, source(), 'vm']],
    ['a full backup', () => ['backup', source(), 'vm']],
  ])('stop %s with exit code 6', async (_, args) => {
    removeBlobs(LOST);
    const blocks = lab.blocks();
    const version = lab.version(uid);
    const { code, stderr } = await lab.run(args());
    expect(stderr).toMatch(/are missing. That is more than damage to single blobs/);
    expect(code).toBe(DATA_BACKEND);
    // A full backup may have repaired rows: no row is bad, and none got worse.
    expect(lab.version(uid)).toEqual(version);
    expect(lab.blocks(uid).map(({ checksum, valid }) => [checksum, valid])).toEqual(blocks.map(({ checksum }) => [checksum, 1]));
    expect(lab.versions().filter(({ valid }) => valid === 1)).toHaveLength(1);
  });

  test('are marked by scrub, and repaired by a backup, with --accept-damage', async () => {
    removeBlobs(LOST);
    expect((await lab.run(['scrub', '--accept-damage', uid])).code).toBe(BLOCKS_BAD);
    expect(lab.blocks(uid).filter(({ valid }) => valid === 0)).toHaveLength(LOST);
    const again = await lab.backup('--accept-damage', source(), 'vm');
    await lab.ok('scrub', again);
    await lab.ok('scrub', uid);
    expect(await lab.restoredSha256(again)).toBe(sha256(image));
  });

  test('with a missing id too need --accept-damage, which keeps the id', async () => {
    const id = idIn(lab.dataPath);
    removeBlobs(BLOCKS - 1);
    rmSync(storeFile());
    const words = ['restore', uid, `file://${lab.path('target')}`];
    expect((await lab.run(words)).code).toBe(DATA_BACKEND);
    expect(existsSync(lab.path('target'))).toBe(false);
    expect((await lab.run([...words, '--accept-damage'])).code).toBe(BLOCKS_BAD);
    expect(idIn(lab.dataPath)).toBe(id);
  });
});

describe('a few missing blobs', () => {
  /** Enough that sixteen samples of 128 miss them all once in a million. */
  const LOST = 15;

  test('of a base are read again by a hinted backup, and its base is mended', async () => {
    removeBlobs(LOST + 60);
    lab.write('image', image);
    const { code, stderr, stdout } = await lab.run([
      'backup',
      '--accept-damage',
      '-r',
      lab.path('hints'),
      '-f',
      uid,
      source(),
      'vm',
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\d+ blobs that version .* was to share are missing. Their blocks are read again/);
    const again = lab.versions().find((version) => version.uid !== uid)?.uid ?? '';
    await lab.ok('scrub', again);
    expect(await lab.restoredSha256(again)).toBe(sha256OfFile(lab.path('image')));
  });

  test('are marked by restore, one by one', async () => {
    removeBlobs(LOST);
    const { code, stderr } = await lab.run(['restore', uid, `file://${lab.path('target')}`]);
    expect(code).toBe(BLOCKS_BAD);
    expect(stderr.match(/Blob is missing/g)).toHaveLength(LOST);
    expect(lab.blocks(uid).filter(({ valid }) => valid === 0)).toHaveLength(LOST);
  });
});

describe('a backup that is continued', () => {
  beforeEach(() => lab.sql('UPDATE versions SET valid = 0'));

  test('looks for all blobs that it has, and reads the blocks of missing ones again', async () => {
    const [first = '', ...others] = lab.blocks(uid).map((row) => row.uid ?? '');
    for (const blob of [first, ...others.slice(100, 110)]) lab.blob(blob).remove();
    const { code, stdout } = await lab.run(['backup', '-c', uid, source(), 'vm']);
    expect(stdout).toMatch(/11 blobs that version .* was to share are missing/);
    expect(code).toBe(0);
    await lab.ok('scrub', uid);
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  });

  test('is not valid when half of them are missing', async () => {
    removeBlobs(BLOCKS / 2);
    const { code } = await lab.run(['backup', '-c', uid, source(), 'vm']);
    expect(code).toBe(DATA_BACKEND);
    expect(lab.version(uid).valid).toBe(0);
  });
});

test('a version that was mended is valid only when all of its blobs are there', async () => {
  // A backup repairs one bad blob. 20 others of the version stay unchecked.
  const [first = ''] = lab.blocks(uid).map((row) => row.uid ?? '');
  lab.blob(first).remove();
  await lab.run(['scrub', '-p', '100', uid]);
  expect(lab.version(uid).valid).toBe(0);
  for (const { uid: blob } of lab.blocks(uid).slice(100, 120)) lab.blob(blob ?? '').remove();
  const one = lab.write('one', image.subarray(0, BLOCK));
  const { code, stdout } = await lab.run(['backup', `file://${one}`, 'one']);
  expect(code).toBe(0);
  expect(stdout).toContain('Mended 1 bad blocks of 1 versions.');
  expect(stdout).toContain(`Version ${uid} stays invalid: 20 of its 128 blobs are missing.`);
  expect(lab.version(uid).valid).toBe(0);
});
