import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { sql } from '../../../../src/meta/sql/statement.ts';
import { rowOf, rowsOf, run } from '../../../../src/meta/sql/steps.ts';
import { SqliteConnection } from '../../../../src/meta/sqlite/connection.ts';

let folder: string;
let connection: SqliteConnection;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-steps-'));
  connection = new SqliteConnection({ path: join(folder, 'db'), cacheMb: 1, logger: silentLogger, now: () => new Date() });
  await connection.open(true);
  await connection.write(() => connection.exec('CREATE TABLE t (a)'));
});
afterEach(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

it('are one transaction, whose statements see each other', async () => {
  const result = await connection.transaction(function* () {
    const added = yield* run(sql`INSERT INTO t VALUES (${1}), (${2})`);
    const returned = yield* rowsOf<{ a: number }>(sql`UPDATE t SET a = a + 10 WHERE a = ${2} RETURNING a`);
    const { n } = yield* rowOf<{ n: number }>(sql`SELECT count(*) AS n FROM t`);
    return { added, returned, n };
  });
  expect(result).toEqual({ added: 2, returned: [{ a: 12 }], n: 2 });
});

it('change nothing when one of them fails', async () => {
  const failing = connection.transaction(function* () {
    yield* run(sql`INSERT INTO t VALUES (1)`);
    yield* run(sql`INSERT INTO missing VALUES (1)`);
  });
  await expect(failing).rejects.toMatchObject({ code: 'database' });
  expect(await connection.query(sql`SELECT a FROM t`)).toEqual([]);
});

it('let no read of this process see a part of them', async () => {
  const seen: unknown[] = [];
  const writing = connection.transaction(function* () {
    for (let a = 0; a < 10; a++) yield* run(sql`INSERT INTO t VALUES (${a})`);
  });
  const reading = (async () => {
    for (let i = 0; i < 100; i++) {
      const { n } = await connection.queryOne<{ n: number }>(sql`SELECT count(*) AS n FROM t`);
      seen.push(n);
      await null;
    }
  })();
  await Promise.all([writing, reading]);
  expect(seen.filter((n) => n !== 0 && n !== 10)).toEqual([]);
});

it('fail when a statement that must give a row gives none', async () => {
  await expect(connection.read(() => rowOf(sql`SELECT a FROM t`))).rejects.toThrow('no row from: SELECT a FROM t');
});

it('are left as they are by reads that come together, even if one of those fails', async () => {
  const count = () => connection.readTogether(() => connection.all<{ n: number }>(sql`SELECT count(*) AS n FROM t`));
  expect(() => connection.readTogether(() => connection.all(sql`SELECT 1 FROM missing`))).toThrow('missing');
  const inside = await connection.writeInSteps(async () => {
    connection.run(sql`INSERT INTO t VALUES (1)`);
    const seen = count();
    expect(() => connection.readTogether(() => connection.all(sql`SELECT 1 FROM missing`))).toThrow('missing');
    connection.run(sql`INSERT INTO t VALUES (2)`);
    return seen;
  });
  expect(inside).toEqual([{ n: 1 }]);
  expect(count()).toEqual([{ n: 2 }]);
});
