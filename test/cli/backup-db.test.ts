import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STORE_FILE } from '../../src/data/file/blob-paths.ts';
import { noise } from '../support/images/random.ts';
import { treeOf } from '../support/images/trees.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
});
afterEach(() => lab.remove());

function everything(path: string): Record<string, unknown[]> {
  const db = new Database(path);
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all() as string[];
    return Object.fromEntries(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]));
  } finally {
    db.close();
  }
}

test('the copy has all that the database has, and only its owner may read it', async () => {
  await lab.backup(`file://${lab.write('a', noise(10 * BLOCK, 'a'))}`, 'a', '-t', 'x');
  const before = readdirSync(lab.folder).sort();
  await lab.ok('backup-db', lab.path('copy'));
  expect(readdirSync(lab.folder).sort()).toEqual([...before, 'copy'].sort());
  expect(statSync(lab.path('copy')).mode & 0o777).toBe(0o600);
  expect(everything(lab.path('copy'))).toEqual(everything(lab.databasePath));
});

test('an existing file is replaced only with -f', async () => {
  lab.write('copy', 'precious');
  const refused = await lab.run(['backup-db', lab.path('copy')]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('already exists. Nothing was changed.') });
  expect(readFileSync(lab.path('copy'), 'utf8')).toBe('precious');
  await lab.ok('backup-db', '-f', lab.path('copy'));
  expect(everything(lab.path('copy'))).toEqual(everything(lab.databasePath));
});

test('the database under any name, its side files, and non-files are not replaced', async () => {
  symlinkSync(lab.databasePath, lab.path('link'));
  mkdirSync(lab.path('folder'));
  const before = { names: readdirSync(lab.folder).sort(), database: readFileSync(lab.databasePath) };
  for (const name of ['backy.sqlite', 'link', 'backy.sqlite-wal', 'backy.sqlite-journal', 'folder', 'folder/../backy.sqlite']) {
    const { code, stderr } = await lab.run(['backup-db', '-f', lab.path(name)]);
    const said = name === 'folder' ? 'is not a regular file. Nothing was changed.' : 'belongs to the database';
    expect({ code, stderr }, name).toMatchObject({ code: 1, stderr: expect.stringContaining(said) });
  }
  const names = readdirSync(lab.folder).filter((name) => name !== 'backy.log');
  expect(names.sort()).toEqual(before.names.filter((name) => name !== 'backy.log'));
  expect(readFileSync(lab.databasePath)).toEqual(before.database);
});

test('no other file of the installation is replaced: a blob, the store id, the configuration, the log, a lock', async () => {
  const uid = await lab.backup(`file://${lab.write('a', noise(BLOCK, 'a'))}`, 'a');
  linkSync(lab.blobOf(uid, 0), lab.path('hard link'));
  const targets: [path: string, what: string][] = [
    [lab.blobOf(uid, 0), 'the data folder'],
    [lab.path('hard link'), 'the data folder'],
    [join(lab.dataPath, STORE_FILE), 'the data folder'],
    [join(lab.dataPath, 'new'), 'the data folder'],
    [lab.path('backy.cfg'), 'the configuration'],
    [lab.path('backy.log'), 'the log'],
    [lab.path('locks/backy_some.lock'), 'the locks'],
  ];
  const state = () => {
    const { 'backy.log': _, ...files } = treeOf(lab.folder);
    return { dump: lab.dump(), files };
  };
  const before = state();
  for (const [path, what] of targets) expectFailure(await lab.run(['backup-db', '-f', path]), 1, `belongs to ${what}`);
  expect(state()).toEqual(before);
  await lab.ok('scrub', uid);
});

test('side files of a database behind a symlink are not replaced either', async () => {
  mkdirSync(lab.path('elsewhere'));
  renameSync(lab.databasePath, lab.path('elsewhere/real'));
  symlinkSync(lab.path('elsewhere/real'), lab.databasePath);
  for (const path of [`${lab.databasePath}-wal`, lab.path('elsewhere/real-wal'), lab.path('elsewhere/real')]) {
    expectFailure(await lab.run(['backup-db', '-f', path]), 1, 'belongs to the database');
    expect(readdirSync(lab.path('elsewhere'))).toEqual(['real']);
  }
});

test('a missing or invalid database and a missing folder are named, and no file is left', async () => {
  const folder = await lab.run(['backup-db', lab.path('no/copy')]);
  expect(folder).toMatchObject({ code: 100, stderr: expect.stringContaining(`Cannot write ${lab.path('no/copy')}`) });
  renameSync(lab.databasePath, lab.path('away'));
  expect(await lab.run(['backup-db', lab.path('copy')])).toMatchObject({ code: 1 });
  writeFileSync(lab.databasePath, 'no database, and long enough to be looked at by SQLite as if it were one'.repeat(50));
  expect(await lab.run(['backup-db', lab.path('copy')])).toMatchObject({ code: 1 });
  expect(readdirSync(lab.folder).filter((name) => name.startsWith('copy'))).toEqual([]);
});
