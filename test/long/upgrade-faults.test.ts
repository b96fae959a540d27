import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runSeed, seededRandom } from '../support/images/random.ts';
import { asUser, needUser } from '../support/labs/as-user.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import type { Lab } from '../support/labs/lab.ts';
import { remount, withTmpfs } from '../support/labs/mounted.ts';
import { oldSchema, type Row, type Tables, writeDatabase } from '../support/old/old-database.ts';
import { copiesOf, createOldStore, makeOld, type OldStore, tablesOf } from '../support/old/old-store.ts';
import { Running } from '../support/program/process.ts';
import { lacking, needMount } from '../support/runner/machine.ts';

const REVISION = 'cd3f15ae79f8';
const NEWEST = '30349b678801';
const KILLS = process.env.BACKY_LONG_TESTS ? 30 : 8;
const SEED = runSeed();
/** With this many rows the upgrade takes longer than a program needs to start. */
const MANY_ROWS = 60_000;

let store: OldStore;
let lab: Lab;
let copy: string;
beforeAll(async () => {
  store = await createOldStore();
  lab = store.lab;
  copy = `${lab.databasePath}.before-${NEWEST}`;
});
afterAll(() => lab.remove());
beforeEach(() => makeOld(store, REVISION, 'created'));

describe('an upgrade', () => {
  test(
    `that is killed at any moment leaves the old database or the new one, and the next command works [seed ${SEED}]`,
    async () => {
      const random = seededRandom(SEED);
      const before = { ...store, tables: withManyRows(store.tables) };
      makeOld(before, REVISION, 'created');
      const oldBytes = readFileSync(lab.databasePath);
      const { startMs, endMs } = await timeOfUpgrade();
      for (let kill = 0; kill < KILLS; kill++) {
        restoreOld(oldBytes);
        // The first one can't commit before its kill, however fast it is.
        const reader = kill === 0 ? newReader() : undefined;
        const running = lab.start(['ls']);
        if (reader === undefined) await sleep(startMs + random() * (endMs - startMs));
        else while (copiesOf(lab).length === 0 && !running.hasEnded) await sleep(1);
        running.kill('SIGKILL');
        await running.ended;
        reader?.close();
        const state = stateAfterKill(before.tables);
        if (kill === 0) expect(state).toBe('old');
        await lab.ok('ls');
        expectUpgraded(before.tables);
        expect(copiesOf(lab)).toEqual([`backy.sqlite.before-${NEWEST}`]);
        expect(tablesOf(copy).blocks).toHaveLength(before.tables.blocks?.length ?? 0);
      }
    },
    20_000 * KILLS,
  );

  test('started by several programs at once is done by one of them; all continue', async () => {
    makeOld({ ...store, tables: withManyRows(store.tables) }, REVISION, 'created');
    const results = await Promise.all([1, 2, 3, 4].map(() => lab.run(['ls'])));
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(results.map(() => ({ code: 0, stderr: '' })));
    expect(results.filter(({ stdout }) => stdout.includes('Upgraded'))).toHaveLength(1);
    for (const { stdout } of results) expect(stdout).toContain('| broken');
    expect(copiesOf(lab)).toEqual([`backy.sqlite.before-${NEWEST}`]);
    for (const [uid, sum] of store.oracle) expect(await lab.restoredSha256(uid)).toBe(sum);
  });

  test('waits for a program that writes, and for one that reads, and then has the written rows', async () => {
    const writer = new Database(lab.databasePath);
    writer.exec('BEGIN IMMEDIATE');
    writer.exec("UPDATE versions SET name = 'renamed' WHERE name = 'broken'");
    const running = lab.start(['-ms', 'ls', '-f', 'name']);
    await logged('Waiting for another process that writes', running);
    const reader = newReader();
    expect(copiesOf(lab)).toEqual([]);
    setTimeout(() => reader.exec('COMMIT'), 200);
    await sleep(300);
    writer.exec('COMMIT');
    writer.close();
    reader.close();
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout.split('\n')).toContain('renamed');
    expect(tablesOf(copy).versions?.map((row) => row.name)).toContain('renamed');
  });

  test('of a database in WAL mode includes the content of the WAL, also in the copy', async () => {
    const other = new Database(lab.databasePath);
    try {
      other.pragma('journal_mode = WAL');
      other.pragma('wal_autocheckpoint = 0');
      other.exec("UPDATE versions SET name = 'in the WAL' WHERE name = 'broken'");
      expect(statSync(`${lab.databasePath}-wal`).size).toBeGreaterThan(0);
      expect(await lab.ok('-ms', 'ls', '-f', 'name')).toContain('in the WAL\n');
      expect(tablesOf(copy).versions?.map((row) => row.name)).toContain('in the WAL');
      expect(tablesOf(copy).alembic_version).toEqual([{ version_num: REVISION }]);
    } finally {
      other.close();
    }
    expectUpgraded(store.tables, 'in the WAL');
  });

  test('first rolls back the partial transaction of a killed program', async () => {
    const script = `const db = new (require('better-sqlite3'))(process.argv[1]); db.pragma('cache_size = 1');
      db.exec("BEGIN IMMEDIATE; DELETE FROM blocks; UPDATE versions SET name = 'half'; DROP TABLE tags");
      process.stdout.write('written'); setInterval(() => {}, 1000);`;
    makeOld({ ...store, tables: withManyRows(store.tables) }, REVISION, 'created');
    const other = new Running([process.execPath, '-e', script, lab.databasePath], { env: {} });
    while (other.stdout === '' && !other.hasEnded) await sleep(10);
    other.kill('SIGKILL');
    await other.ended;
    expect(statSync(`${lab.databasePath}-journal`).size).toBeGreaterThan(0);
    await lab.ok('ls');
    expectUpgraded(withManyRows(store.tables));
    expect(tablesOf(copy).versions?.map((row) => row.name)).toContain('broken');
  });

  test('makes the copy readable only for those who may read the database', async () => {
    chmodSync(lab.databasePath, 0o640);
    await lab.ok('ls');
    expect(statSync(copy).mode & 0o777).toBe(0o640);
  });

  test('overwrites no copy: an identical one is used, another one stays', async () => {
    const old = readFileSync(lab.databasePath);
    writeFileSync(copy, 'a copy of something else');
    expect(await lab.ok('ls')).toContain(`kept in ${copy}.2.`);
    const second = readFileSync(`${copy}.2`);
    restoreOld(old, false);
    expect(await lab.ok('ls')).toContain(`kept in ${copy}.2.`);
    restoreOld(old, false);
    lab.sql("UPDATE versions SET name = 'changed since' WHERE name = 'broken'");
    expect(await lab.ok('ls')).toContain(`kept in ${copy}.3.`);
    expect(readFileSync(copy, 'utf8')).toBe('a copy of something else');
    expect(readFileSync(`${copy}.2`)).toEqual(second);
    expect(tablesOf(`${copy}.3`).versions?.map((row) => row.name)).toContain('changed since');
  });
});

const user = lacking(await needUser());
const mount = lacking(await needMount());

describe('an upgrade that is not possible', () => {
  test.skipIf(user.skip)(`of a file that may not be written: it is read, and nothing is changed${user.note}`, async () => {
    chmodSync(lab.databasePath, 0o444);
    const before = readFileSync(lab.databasePath);
    const prefix = asUser(lab, 'backy.sqlite');
    expect(await lab.run(['ls'], { prefix })).toMatchObject({ code: 0, stdout: expect.stringContaining('Working on a copy in') });
    const [uid = ''] = store.oracle.keys();
    expectFailure(await lab.run(['protect', uid], { prefix }), 1, "can't be written: no permission to write to");
    expect(readFileSync(lab.databasePath)).toEqual(before);
  });

  test.skipIf(user.skip)(`in a folder that may not be written: it is read, and nothing is changed${user.note}`, async () => {
    const folder = lab.path('db');
    mkdirSync(folder);
    const path = `${folder}/backy.sqlite`;
    writeFileSync(path, readFileSync(lab.databasePath));
    const prefix = asUser(lab);
    chmodSync(folder, 0o555);
    lab.configure({ MetaBackend: { engine: `sqlite:///${path}` } });
    try {
      const before = readFileSync(path);
      const { code, stdout } = await lab.run(['ls'], { prefix });
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Working on a copy in') });
      expect(readFileSync(path)).toEqual(before);
      expect(readdirSync(folder)).toEqual(['backy.sqlite']);
    } finally {
      lab.configure({});
      chmodSync(folder, 0o755);
      rmSync(folder, { recursive: true });
    }
  });

  test.skipIf(mount.skip)(
    `without enough space: exit 1, nothing is changed; it succeeds once there is space${mount.note}`,
    async () => {
      const tables = withManyRows(store.tables, 4000);
      const folder = lab.path('full');
      const path = `${folder}/backy.sqlite`;
      const databaseKiB = await (async () => {
        makeOld({ ...store, tables }, REVISION, 'created');
        return Math.ceil(statSync(lab.databasePath).size / 1024);
      })();
      lab.configure({ MetaBackend: { engine: `sqlite:///${path}` } });
      try {
        // Too little for the copy; then enough for it, but not for the tables that are rebuilt.
        for (const size of [databaseKiB * 1.5, databaseKiB * 2.4]) {
          await withTmpfs(folder, `${Math.ceil(size)}k`, async () => {
            writeDatabase(path, oldSchema(REVISION, 'created'), tables);
            const before = tablesOf(path);
            const result = await lab.run(['ls']);
            expectFailure(result, 1, /old revision and can't be upgraded: .*(full|ENOSPC|I\/O)/);
            expect(result.stderr).toMatch(/need about \d+ MiB/);
            expect(readdirSync(folder)).toEqual(['backy.sqlite']);
            expect(tablesOf(path)).toEqual(before);
            await remount(folder, 'size=64m');
            expect(await lab.ok('ls')).toContain('Upgraded');
            expect(readdirSync(folder).sort()).toEqual(['backy.sqlite', `backy.sqlite.before-${NEWEST}`]);
          });
        }
      } finally {
        lab.configure({});
      }
    },
  );
});

/** Another program that reads: in this mode of the database, no writer can commit meanwhile. */
function newReader(): Database.Database {
  const reader = new Database(lab.databasePath, { readonly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT * FROM versions').all();
  return reader;
}

/** Waits until a program has written a line to the log file. */
async function logged(text: string, running: Running): Promise<void> {
  const seen = () => existsSync(lab.path('backy.log')) && lab.log().includes(text);
  while (!seen() && !running.hasEnded) await sleep(20);
  expect(seen(), `${text} in the log`).toBe(true);
}

/** Adds a version with many blocks, all sparse, so that they need no blobs. */
function withManyRows(tables: Tables, count = MANY_ROWS): Tables {
  const uid = '11111111-e6f9-11f1-b33e-02fc00000001';
  const date = '2020-01-02 03:04:05.000006';
  const version = { uid, date, name: 'many', snapshot_name: '', size: count, size_bytes: count * 4096, valid: 1, protected: 0 };
  const rows = Array.from(
    { length: count },
    (_, id): Row => ({ version_uid: uid, id, date, uid: null, checksum: null, size: 4096, valid: 1 }),
  );
  return { ...tables, versions: [...(tables.versions ?? []), version], blocks: [...(tables.blocks ?? []), ...rows] };
}

function restoreOld(bytes: Buffer, andNoCopies = true): void {
  for (const suffix of ['-wal', '-shm', '-journal']) rmSync(`${lab.databasePath}${suffix}`, { force: true });
  if (andNoCopies) for (const name of copiesOf(lab)) rmSync(lab.path(name));
  writeFileSync(lab.databasePath, bytes);
}

/** Begin and end of the upgrade, after the start of the program. */
async function timeOfUpgrade(): Promise<{ startMs: number; endMs: number }> {
  const start = performance.now();
  const running = lab.start(['ls']);
  while (copiesOf(lab).length === 0 && !running.hasEnded) await sleep(1);
  const startMs = performance.now() - start;
  await running.ended;
  return { startMs: startMs * 0.9, endMs: performance.now() - start };
}

/**
 * Checks that the database is old or new, nothing else, and that a copy with its final name is
 * complete.
 */
function stateAfterKill(old: Tables): 'old' | 'new' {
  if (existsSync(copy)) expect(tablesOf(copy).blocks?.length, 'rows of the copy').toBe(old.blocks?.length);
  // Opening it rolls back a partial transaction, as the next command does.
  const db = new Database(lab.databasePath);
  try {
    expect(db.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    const state = db.prepare('SELECT version_num FROM alembic_version').pluck().get() === NEWEST ? 'new' : 'old';
    const names = db.prepare("SELECT name FROM sqlite_master WHERE name LIKE '%old%'").pluck().all();
    expect(names).toEqual([]);
    expect(db.prepare('SELECT count(*) FROM blocks').pluck().get()).toBe(old.blocks?.length);
    if (state === 'new') expect(existsSync(copy)).toBe(true);
    return state;
  } finally {
    db.close();
  }
}

function expectUpgraded(old: Tables, renamed = 'broken'): void {
  const tables = tablesOf(lab.databasePath);
  expect(tables.alembic_version).toEqual([{ version_num: NEWEST }]);
  for (const name of ['versions', 'blocks', 'stats', 'tags', 'deleted_blocks'])
    expect(tables[name]?.length, name).toBe(old[name]?.length);
  expect(tables.versions?.map((row) => row.name)).toContain(renamed);
}
