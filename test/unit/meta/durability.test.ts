import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import { SqliteConnection } from '../../../src/meta/sqlite/connection.ts';

/** PRAGMA synchronous: the journal's removal is durable as well. */
const EXTRA = 3;

let folder: string;
let connection: SqliteConnection;
const open = () => new SqliteConnection({ path: join(folder, 'db'), cacheMb: 1, logger: silentLogger, now: () => new Date() });
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-durability-'));
  connection = open();
  await connection.open(true);
});
afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

const synchronous = () => connection.prepare('PRAGMA synchronous').pluck().get();

it('every commit waits for the disk, and again after bulk work and after bulk work that failed', async () => {
  expect(synchronous()).toBe(EXTRA);
  await connection.bulk(async () => {});
  expect(synchronous()).toBe(EXTRA);
  await expect(
    connection.bulk(async () => {
      throw new Error('half way');
    }),
  ).rejects.toThrow('half way');
  expect(synchronous()).toBe(EXTRA);
});

it('a transaction is all or nothing', async () => {
  await connection.write(() => connection.exec('CREATE TABLE t (a)'));
  await expect(
    connection.write(() => {
      connection.exec('INSERT INTO t VALUES (1)');
      throw new Error('half way');
    }),
  ).rejects.toThrow('half way');
  expect(connection.prepare('SELECT count(*) FROM t').pluck().get()).toBe(0);
});

describe('the journal', () => {
  /** Of the file itself: 1 for a rollback journal, 2 for a WAL. */
  const formatVersions = () => [...readFileSync(join(folder, 'db')).subarray(18, 20)];

  it('is a WAL during writes, and none once the last program ends: the file can be read without -shm', async () => {
    await connection.write(() => connection.exec('CREATE TABLE t (a)'));
    expect(existsSync(join(folder, 'db-wal'))).toBe(true);
    const other = open();
    await other.open(false);
    connection.close();
    await other.write(() => other.exec('INSERT INTO t VALUES (1)'));
    expect(formatVersions()).toEqual([2, 2]);
    other.close();
    expect(formatVersions()).toEqual([1, 1]);
    expect(readdirSync(folder)).toEqual(['db']);
  });

  it('becomes a WAL with a later transaction if a reader prevents it at first', async () => {
    await connection.write(() => connection.exec('CREATE TABLE t (a)'));
    connection.close();
    await connection.open(false);
    const reader = open();
    await reader.open(false);
    await reader.readInSteps(async () => {
      reader.prepare('SELECT * FROM t').all();
      const written = connection.write(() => connection.exec('INSERT INTO t VALUES (1)'));
      // The commit waits for the reader; it does not fail.
      await sleep(10);
      expect(existsSync(join(folder, 'db-journal'))).toBe(true);
      reader.exec('COMMIT');
      await written;
    });
    await connection.write(() => connection.exec('INSERT INTO t VALUES (2)'));
    expect(existsSync(join(folder, 'db-wal'))).toBe(true);
    reader.close();
  });
});
