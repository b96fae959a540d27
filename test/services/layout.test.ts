import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import { REVISIONS } from '../../src/meta/sql/revisions.ts';
import { sha256OfFile } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { PostgresServer } from './postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

interface Installation {
  lab: Lab;
  database: string;
  image: string;
  uids: string[];
}

/** Two versions of an image with holes, of which the second shares most blocks with the first. */
async function installation(layout: string): Promise<Installation> {
  const database = await server.createDatabase();
  const lab = new Lab({ config: { MetaBackend: { engine: server.url(database) } } });
  await lab.ok('initdb', '--layout', layout);
  const image = lab.write('image', Buffer.concat([randomBytes(40_000), Buffer.alloc(4096 * 1100), randomBytes(10)]));
  const first = await lab.backup('-t', 'mine', `file://${image}`, 'vm');
  const hints = lab.write('hints', JSON.stringify([{ offset: 0, length: 4096, exists: true }]));
  const second = await lab.backup('-f', first, '-r', hints, `file://${image}`, 'vm');
  return { lab, database, image, uids: [first, second] };
}

/** Columns that a conversion changes, or a restore in between. */
const LEFT_OUT: Record<string, string[]> = { blocks: ['date'], deleted_blocks: ['id'], backy2_verified: ['uid', 'time', 'good'] };

/** All rows of all tables. */
async function dump(database: string): Promise<Record<string, unknown>> {
  const names = await server.query<{ name: string }>(
    database,
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  );
  const tables = names.map(async ({ name }) => {
    const rows = await server.query<{ row: Record<string, unknown> }>(database, `SELECT to_jsonb(t) AS row FROM ${name} AS t`);
    const left = LEFT_OUT[name] ?? [];
    const kept = rows.map(({ row }) => JSON.stringify(Object.entries(row).filter(([column]) => !left.includes(column))));
    return [name, kept.sort()];
  });
  return Object.fromEntries(await Promise.all(tables));
}

it('the original can delete nothing through a compact database, also after removals and cleanups', async () => {
  const { lab, database, uids } = await installation('compact');
  await lab.ok('rm', '-f', uids[0] ?? '');
  await lab.ok('cleanup', '--dangerous-force');
  const revisions = await server.query<{ revision: string }>(database, 'SELECT version_num AS revision FROM alembic_version');
  expect(revisions).toHaveLength(1);
  expect(REVISIONS).not.toContain(revisions[0]?.revision);
  expect(await server.query(database, 'SELECT * FROM deleted_blocks')).toEqual([]);
  for (const question of [
    'SELECT DISTINCT uid FROM blocks',
    "SELECT 1 FROM blocks WHERE uid = 'x'",
    'DELETE FROM deleted_blocks WHERE uid NOT IN (SELECT uid FROM blocks)',
  ])
    await expect(server.query(database, question), question).rejects.toThrow('relation "blocks" does not exist');
  // Its initdb begins with this table, and makes no other then.
  await expect(server.query(database, 'CREATE TABLE stats (id SERIAL)')).rejects.toThrow('already exists');
  lab.remove();
});

it('a database of another layout than the configured one is refused', async () => {
  const { lab, database, uids } = await installation('classic');
  const before = await dump(database);
  lab.configure({ MetaBackend: { engine: server.url(database), layout: 'compact' } });
  for (const words of [['ls'], ['rm', '-f', uids[0] ?? ''], ['check-metadata']])
    expectFailure(await lab.run(words), 1, '[MetaBackend] layout is compact, but the database');
  expect(await dump(database)).toEqual(before);
  lab.remove();
});

it('a conversion and back gives the same rows, and both layouts restore', async () => {
  const { lab, database, image, uids } = await installation('classic');
  await server.query(database, 'CREATE TABLE of_others (x int)');
  await lab.ok('rm', '-f', uids[0] ?? '');
  await lab.backup(`file://${lab.write('other', randomBytes(9000))}`, 'other');
  expect(await lab.restoredSha256(uids[1] ?? '')).toBe(sha256OfFile(image));
  const before = await dump(database);
  const blobs = lab.blobs();
  await lab.ok('convert-db', '--to', 'compact');
  expect(Object.keys(await dump(database))).not.toContain('blocks');
  expect(await lab.restoredSha256(uids[1] ?? '')).toBe(sha256OfFile(image));
  await lab.ok('check-metadata');
  await lab.ok('convert-db', '--to', 'classic');
  expect(await dump(database)).toEqual(before);
  expect(await lab.restoredSha256(uids[1] ?? '')).toBe(sha256OfFile(image));
  expect(await server.query(database, "SELECT 1 FROM pg_namespace WHERE nspname = 'backy2_converting'")).toEqual([]);
  expect(lab.blobs()).toEqual(blobs);
  // Numbers of rows continue.
  await lab.backup(`file://${image}`, 'vm');
  await lab.ok('cleanup', '--dangerous-force');
  expect((await lab.run(['scrub', '--all'])).code).toBe(0);
  lab.remove();
});

it('a conversion that was stopped continues', async () => {
  const { lab, database, image, uids } = await installation('classic');
  const before = await dump(database);
  const store = postgresStore({ engine: server.url(database), logger: silentLogger, now: () => new Date() });
  await store.open();
  const conversion = await store.convertTo('compact');
  const version = await store.findVersion(uids[0] ?? '');
  if (version === undefined) throw new Error('no version');
  const rows = await store.datedBlockPage(version.uid, -1, 10_000);
  await conversion.target.importVersion(
    version,
    (async function* () {
      yield* rows;
    })(),
  );
  await conversion.close();
  await store.close();
  expect(await dump(database)).toEqual(before);
  const result = JSON.parse(await lab.ok('--json', 'convert-db', '--to', 'compact'));
  expect(result).toMatchObject({ versions: 2, versions_kept: 1, old_database: null });
  expect(await lab.restoredSha256(uids[1] ?? '')).toBe(sha256OfFile(image));
  lab.remove();
});

it('a schema of another layout in the place of the new tables is named, and stays', async () => {
  const { lab, database } = await installation('classic');
  const before = await dump(database);
  await server.query(database, 'CREATE SCHEMA backy2_converting');
  for (const table of ['alembic_version', 'versions'])
    await server.query(database, `CREATE TABLE backy2_converting.${table} AS SELECT * FROM ${table}`);
  const refused = await lab.run(['convert-db', '--to', 'compact']);
  expectFailure(refused, 1, 'The schema backy2_converting is not an unfinished conversion of this database.');
  expect(refused.stderr).toContain('DROP SCHEMA backy2_converting CASCADE');
  expect(await dump(database)).toEqual(before);
  expect(await server.query(database, 'SELECT 1 FROM backy2_converting.versions')).toHaveLength(2);
  lab.remove();
});

it('check-metadata finds damage in both layouts', async () => {
  for (const [layout, damage] of [
    ['classic', "UPDATE blocks SET size = 1 WHERE id = 3 AND uid <> ''"],
    ['compact', 'UPDATE backy2_leaves SET data = data || data WHERE id = (SELECT min(id) FROM backy2_leaves)'],
  ] as const) {
    const { lab, database } = await installation(layout);
    expect((await lab.run(['check-metadata'])).code).toBe(0);
    await server.query(database, damage);
    const { code, stdout } = await lab.run(['-ms', 'check-metadata', '-f', 'block,problem']);
    expect({ code, first: stdout.split('\n')[0] }).toEqual({ code: 20, first: layout === 'classic' ? '3|size' : '0|leaf' });
    expect((await lab.run(['scrub', '--all'])).code).toBe(20);
    lab.remove();
  }
});
