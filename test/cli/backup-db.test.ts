import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lab } from '../support/lab.ts';
import { noise } from '../support/random.ts';

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

test('a file that is there is replaced with -f alone', async () => {
  lab.write('copy', 'precious');
  const refused = await lab.run(['backup-db', lab.path('copy')]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already. Nothing was changed.') });
  expect(readFileSync(lab.path('copy'), 'utf8')).toBe('precious');
  await lab.ok('backup-db', '-f', lab.path('copy'));
  expect(everything(lab.path('copy'))).toEqual(everything(lab.databasePath));
});

test('neither the database, by any name, nor a file beside it, nor what is no file is replaced', async () => {
  symlinkSync(lab.databasePath, lab.path('link'));
  mkdirSync(lab.path('folder'));
  const before = { names: readdirSync(lab.folder).sort(), database: readFileSync(lab.databasePath) };
  for (const name of ['backy.sqlite', 'link', 'backy.sqlite-wal', 'backy.sqlite-journal', 'folder', 'folder/../backy.sqlite']) {
    const { code, stderr } = await lab.run(['backup-db', '-f', lab.path(name)]);
    expect({ code, stderr }, name).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was changed.') });
  }
  const names = readdirSync(lab.folder).filter((name) => name !== 'backy.log');
  expect(names.sort()).toEqual(before.names.filter((name) => name !== 'backy.log'));
  expect(readFileSync(lab.databasePath)).toEqual(before.database);
});

test('a database that is missing or none, and a folder that is missing, are named, and nothing is left', async () => {
  const folder = await lab.run(['backup-db', lab.path('no/copy')]);
  expect(folder).toMatchObject({ code: 100, stderr: expect.stringContaining(`Cannot write ${lab.path('no/copy')}`) });
  renameSync(lab.databasePath, lab.path('away'));
  expect(await lab.run(['backup-db', lab.path('copy')])).toMatchObject({ code: 1 });
  writeFileSync(lab.databasePath, 'no database, and long enough to be looked at by SQLite as if it were one'.repeat(50));
  expect(await lab.run(['backup-db', lab.path('copy')])).toMatchObject({ code: 1 });
  expect(readdirSync(lab.folder).filter((name) => name.startsWith('copy'))).toEqual([]);
});
