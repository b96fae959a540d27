import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PowerLoss, type Record, type Rest } from '../../support/faults/power-loss.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const NEW_INODE = 1_000_000_001;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-power-'));
  mkdirSync(at('lab/data'), { recursive: true });
  mkdirSync(at('lab/locks'));
  writeFileSync(at('model'), 'before');
  linkSync(at('model'), at('lab/data/linked'));
  writeFileSync(at('lab/data/other'), 'other');
  writeFileSync(at('lab/locks/a.lock'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes to a linked file, removes a file, and makes a folder with a file. */
function records(): Record[] {
  const none = { number: 0, from: '', to: '', bytes: Buffer.alloc(0) };
  const { ino } = statSync(at('lab/data/linked'));
  return [
    { ...none, type: 'w', inode: ino, bytes: Buffer.from('AFTER') },
    { ...none, type: 'u', inode: 0, from: at('lab/data/other') },
    { ...none, type: 'd', inode: NEW_INODE, from: at('lab/data/new') },
    { ...none, type: 'c', inode: NEW_INODE + 1, from: at('lab/data/new/file') },
    { ...none, type: 'o', inode: NEW_INODE + 1, bytes: Buffer.from('new') },
  ];
}

/** All paths below the lab: the bytes of files, `/` for folders. */
function tree(): { [name: string]: string } {
  const entries = readdirSync(at('lab'), { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(at('lab/').length), entry.isDirectory() ? '/' : readFileSync(path, 'utf8')];
    }),
  );
}

const KEPT = { data: '/', 'data/linked': 'AFTERe', 'data/new': '/', 'data/new/file': 'new', locks: '/', 'locks/a.lock': '' };
const LOST = { data: '/', 'data/linked': 'before', 'data/other': 'other', locks: '/', 'locks/a.lock': '' };

test('each state can replace any other, and nothing is written into links', () => {
  const before = new PowerLoss(at('lab'));
  const changes = records();
  const restore = (rest: Rest) => {
    const power = before.copy();
    power.replay(changes);
    power.restore(rest, () => 0);
  };
  restore('kept');
  expect(tree()).toEqual(KEPT);
  expect(readFileSync(at('model'), 'utf8')).toBe('before');
  // A state that the program may leave.
  writeFileSync(at('lab/data/more'), 'more');
  rmSync(at('lab/data/new'), { recursive: true });
  writeFileSync(at('lab/data/new'), 'a file now');
  restore('kept');
  expect(tree()).toEqual(KEPT);
  restore('lost');
  expect(tree()).toEqual(LOST);
});

test('a file that is already the same stays', () => {
  const before = new PowerLoss(at('lab'));
  const { ino } = statSync(at('lab/data/linked'));
  before.copy().restore('lost', () => 0);
  expect(statSync(at('lab/data/linked')).ino).toBe(ino);
  expect(tree()).toEqual(LOST);
});

test('a name in a lost folder is lost with it', () => {
  const before = new PowerLoss(at('lab'));
  const none = { number: 0, from: '', to: '', bytes: Buffer.alloc(0) };
  before.replay([
    ...records(),
    { ...none, type: 'd', inode: NEW_INODE + 2, from: at('lab/data/new/folder') },
    { ...none, type: 'c', inode: NEW_INODE + 3, from: at('lab/data/new/folder/file') },
    // Both new folders are synced, the folder above them is not.
    { ...none, type: 's', inode: NEW_INODE + 2 },
    { ...none, type: 's', inode: NEW_INODE },
  ]);
  before.restore('lost', () => 0);
  expect(tree()).toEqual(LOST);
});
