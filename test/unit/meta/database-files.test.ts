import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import { sqliteStore } from '../../../src/meta/sqlite/sqlite-store.ts';

const FILES = ['', '-wal', '-shm'];

let folder: string;
let path: string;
let store: MetaStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-files-'));
  path = join(folder, 'backy.sqlite');
  store = storeAt(path);
  await store.initialize();
  await addVersion('first');
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function storeAt(file: string): MetaStore {
  return sqliteStore({ path: file, cacheMb: 4, createIfMissing: false, logger: silentLogger, now: () => new Date() });
}

async function addVersion(uid: string): Promise<void> {
  await store.createVersion({ uid, name: 'n', snapshotName: '', size: 1, sizeBytes: 1, expire: null, tags: [] });
}

/** Closes the store and opens it again, as the next command does: there is no WAL then. */
async function nextCommand(): Promise<void> {
  await store.close();
  await store.open();
}

/** The files as a killed program leaves them, under another name. @returns that of the database. */
function killed(name: string): string {
  const copy = join(folder, name);
  for (const suffix of FILES) copyFileSync(path + suffix, copy + suffix);
  return copy;
}

/** Yesterday's database beside the WAL of a program that was killed today. @returns its path. */
async function yesterdayBesideLaterWal(): Promise<string> {
  await nextCommand();
  copyFileSync(path, join(folder, 'yesterday'));
  await addVersion('second');
  await nextCommand();
  await addVersion('third');
  const copy = killed('killed');
  copyFileSync(join(folder, 'yesterday'), copy);
  return copy;
}

async function versionsIn(file: string): Promise<string[]> {
  const other = storeAt(file);
  try {
    await other.open();
    return (await other.listVersions({})).map(({ uid }) => uid).sort();
  } finally {
    await other.close();
  }
}

it('a database in a folder that is missing is an error that names the folder, not initdb', async () => {
  const message = expect.stringMatching(/none\/backy\.sqlite\): there is no folder .*none\. Please create it first\.$/);
  const error = { code: 'database', exitCode: 1, message, hint: expect.not.stringContaining('initdb') };
  await expect(storeAt(join(folder, 'none', 'backy.sqlite')).initialize()).rejects.toMatchObject(error);
});

describe('a database beside a WAL', () => {
  it('that goes on from it is opened, however much of it has been copied into the database', async () => {
    await nextCommand();
    await addVersion('second');
    expect(await versionsIn(killed('killed'))).toEqual(['first', 'second']);
    const halfway = new Database(path);
    halfway.pragma('wal_checkpoint(PASSIVE)');
    await addVersion('third');
    const copy = killed('checkpointed');
    halfway.close();
    expect(await versionsIn(copy)).toEqual(['first', 'second', 'third']);
  });

  it('that goes on from a later state is refused, and left as it is', async () => {
    const copy = await yesterdayBesideLaterWal();
    const before = FILES.map((suffix) => readFileSync(copy + suffix));
    await expect(versionsIn(copy)).rejects.toMatchObject({ code: 'database', message: expect.stringContaining('it is older') });
    expect(FILES.map((suffix) => readFileSync(copy + suffix))).toEqual(before);
    for (const suffix of ['-wal', '-shm']) rmSync(copy + suffix);
    expect(await versionsIn(copy)).toEqual(['first']);
  });

  it('of another database is refused', async () => {
    await nextCommand();
    await addVersion('second');
    const copy = killed('killed');
    await store.close();
    store = storeAt(join(folder, 'other.sqlite'));
    await store.initialize();
    await addVersion('other');
    await nextCommand();
    copyFileSync(join(folder, 'other.sqlite'), copy);
    await expect(versionsIn(copy)).rejects.toThrow('the WAL is of another database');
  });

  it('whose first transaction was not written whole is opened without it', async () => {
    const copy = await yesterdayBesideLaterWal();
    const wal = readFileSync(`${copy}-wal`);
    wal.writeUInt8(wal.readUInt8(100) ^ 1, 100);
    rmSync(`${copy}-wal`);
    writeFileSync(`${copy}-wal`, wal);
    expect(await versionsIn(copy)).toEqual(['first']);
  });

  it('that the original wrote, which marks nothing, is opened', async () => {
    await nextCommand();
    const original = new Database(path);
    original.pragma('journal_mode = WAL');
    original.exec("UPDATE versions SET name = 'renamed'");
    const copy = killed('killed');
    original.close();
    expect(await versionsIn(copy)).toEqual(['first']);
  });

  it('is opened after a VACUUM, which moves the mark to another page', async () => {
    await nextCommand();
    await addVersion('second');
    const vacuum = new Database(path);
    vacuum.pragma('journal_mode = WAL');
    vacuum.exec('DELETE FROM tags; VACUUM');
    await addVersion('third');
    const copy = killed('killed');
    vacuum.close();
    expect(await versionsIn(copy)).toEqual(['first', 'second', 'third']);
  });
});

describe('a database file that is', () => {
  it.each([
    ['removed', () => rmSync(path), 'was removed while it was in use'],
    ['moved', () => renameSync(path, `${path}.away`), 'was removed while it was in use'],
    [
      'replaced',
      () => {
        copyFileSync(path, `${path}.new`);
        renameSync(`${path}.new`, path);
      },
      'was replaced by another file',
    ],
  ])('%s while it is open takes no further transaction', async (_, change, message) => {
    await addVersion('second');
    change();
    await expect(addVersion('third')).rejects.toMatchObject({ code: 'database', message: expect.stringContaining(message) });
    expect((await store.listVersions({})).map(({ uid }) => uid).sort()).toEqual(['first', 'second']);
  });
});

describe('a copy', () => {
  it('is of one moment, while another program goes on writing, and has nothing beside it', async () => {
    const to = join(folder, 'copy');
    const copying = store.copyTo(to, new AbortController().signal);
    const other = new Database(path);
    other.exec("UPDATE versions SET name = 'renamed'");
    other.close();
    await copying;
    expect(FILES.map((suffix) => existsSync(to + suffix))).toEqual([true, false, false]);
    expect(await versionsIn(to)).toEqual(['first']);
  });

  it('ends with the signal', async () => {
    await expect(store.copyTo(join(folder, 'copy'), AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  });
});
