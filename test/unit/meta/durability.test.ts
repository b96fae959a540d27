import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import { SqliteConnection } from '../../../src/meta/sqlite/connection.ts';

/** PRAGMA synchronous: the journal's removal is durable as well. */
const EXTRA = 3;

let folder: string;
let connection: SqliteConnection;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-durability-'));
  connection = new SqliteConnection({ path: join(folder, 'db'), cacheMb: 1, logger: silentLogger, now: () => new Date() });
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
