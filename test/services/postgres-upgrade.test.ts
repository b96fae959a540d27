import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import type { MetaStore } from '../../src/meta/meta-store.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import { Lab } from '../support/labs/lab.ts';
import { isSince, OLD_REVISIONS, type RevisionName, statsName } from '../support/old/old-database.ts';
import { PostgresServer } from './postgres.ts';
import { dumpSchema, oldPostgresSchema, plainSchema } from './postgres-schema.ts';

const ORIGINAL = plainSchema(readFileSync(new URL('../../docs/spec/schema.postgresql.sql', import.meta.url), 'utf8'));
const NEWEST = '30349b678801';
const VERSION = '2b1d8f8a-e6fa-11f1-b33e-02fc00000001';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

function storeOf(database: string): MetaStore {
  const engine = server.url(database);
  return postgresStore({ engine, logger: silentLogger, now: () => new Date() });
}

/** A database of an old release, with one version. */
async function oldDatabase(revision: RevisionName): Promise<string> {
  const database = await server.createDatabase();
  const has = (other: RevisionName) => isSince(revision, other);
  const statements = [
    ...oldPostgresSchema(revision),
    `INSERT INTO versions (uid, date, name, size, size_bytes, valid, protected)
       VALUES ('${VERSION}', '2026-11-23 04:55:56.497666', 'old', 2, 5000, 1, 0)`,
    `INSERT INTO blocks (uid, version_uid, id, date, checksum, size, valid${has('5260034b8125') ? ', enc_version' : ''})
       SELECT 'u' || n, '${VERSION}', n, '2026-11-23 04:55:56.5', 'c' || n, 4096, 1${has('5260034b8125') ? ', 0' : ''} FROM generate_series(0, 1) n`,
    `INSERT INTO ${statsName(revision)} (date, version_uid, version_name, version_size_bytes, version_size_blocks, bytes_read, blocks_read,
       bytes_written, blocks_written, bytes_found_dedup, blocks_found_dedup, bytes_sparse, blocks_sparse, duration_seconds)
       VALUES ('2026-11-23 04:55:57', '${VERSION}', 'old', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)`,
    ...(has('29c655b78818') ? [`INSERT INTO tags VALUES ('${VERSION}', 'b_daily')`] : []),
    ...(has('828da0fbbe8d') ? ["UPDATE versions SET expire = '2030-01-02'"] : []),
  ];
  for (const sql of statements) await server.query(database, sql);
  return database;
}

/**
 * Differences that the original's recorded upgrade left: names of 2.9.18 have no length, and new
 * columns come last.
 */
const MIGRATED: [from: string, to: string][] = [
  [
    '    valid integer NOT NULL,\n    enc_version integer NOT NULL,\n    enc_envkey character varying(80),\n    enc_nonce',
    '    valid integer NOT NULL,\n    enc_envkey character varying(80),\n    enc_version integer NOT NULL,\n    enc_nonce',
  ],
  ['version_name character varying(2048)', 'version_name character varying'],
  ['    name character varying(2048) NOT NULL\n', '    name character varying NOT NULL\n'],
  [
    "    expire timestamp without time zone,\n    name character varying(2048) NOT NULL,\n    snapshot_name character varying(2048) DEFAULT ''::character varying NOT NULL,",
    "    name character varying NOT NULL,\n    snapshot_name character varying DEFAULT ''::character varying NOT NULL,",
  ],
  ['    protected integer NOT NULL\n', '    protected integer NOT NULL,\n    expire timestamp without time zone\n'],
  ['ADD CONSTRAINT stats_pkey PRIMARY KEY', 'ADD CONSTRAINT stats_pkey1 PRIMARY KEY'],
];

describe('the schema', () => {
  it("of a new database equals the original's to the letter, plus our own tables", async () => {
    const database = await server.createDatabase();
    const store = storeOf(database);
    await store.initialize();
    await store.addTags('none', []);
    await store.close();
    expect(await dumpSchema(server, database)).toBe(ORIGINAL);
    const own = await server.query<{ name: string }>(
      database,
      "SELECT relname AS name FROM pg_class WHERE relname LIKE 'backy2\\_%' AND relkind = 'r' ORDER BY 1",
    );
    expect(own.map((row) => row.name)).toEqual([
      'backy2_bad',
      'backy2_catalogue',
      'backy2_catalogue_blobs',
      'backy2_catalogue_leaves',
      'backy2_doomed',
      'backy2_imported',
      'backy2_migrations',
      'backy2_names',
      'backy2_progress',
      'backy2_runs',
      'backy2_space',
      'backy2_state',
      'backy2_store',
      'backy2_verified',
    ]);
  });

  it("of an upgraded database equals the result of the original's upgrade", async () => {
    const database = await oldDatabase('29c655b78818');
    const store = storeOf(database);
    await store.open();
    await store.close();
    let wanted = ORIGINAL;
    for (const [from, to] of MIGRATED) {
      expect(wanted).toContain(from);
      wanted = wanted.replace(from, to);
    }
    expect(await dumpSchema(server, database)).toBe(wanted);
  });
});

describe('an upgrade', () => {
  it.each(OLD_REVISIONS)('from %s keeps the content of the database', async (revision) => {
    const database = await oldDatabase(revision);
    const store = storeOf(database);
    await store.open();
    expect(await store.findVersion(VERSION)).toEqual({
      ...{ uid: VERSION, date: new Date('2026-11-23T04:55:56.497Z'), name: 'old', snapshotName: '', size: 2, sizeBytes: 5000 },
      ...{ valid: true, protected: false, expire: isSince(revision, '828da0fbbe8d') ? new Date('2030-01-02') : null },
      tags: isSince(revision, '29c655b78818') ? ['b_daily'] : [],
    });
    expect(await store.blockPage(VERSION, -1, 9)).toMatchObject([
      { id: 0, uid: 'u0', checksum: 'c0', encVersion: 0, envKey: null, nonce: null },
      { id: 1, uid: 'u1' },
    ]);
    expect(await store.listStats({})).toMatchObject([
      { versionUid: VERSION, sizeBytes: 1, counters: { bytesRead: 3, durationSeconds: 11 } },
    ]);
    await store.close();
    expect(await server.query(database, 'SELECT * FROM alembic_version')).toEqual([{ version_num: NEWEST }]);
    expect(await server.query(database, "SELECT to_regclass('stats_old') AS old")).toEqual([{ old: null }]);
  });

  it.each(['ffffffffffff', '5260034b812'])('of the unknown revision %s is refused, and changes nothing', async (revision) => {
    const database = await oldDatabase('cd3f15ae79f8');
    await server.query(database, `UPDATE alembic_version SET version_num = '${revision}'`);
    const before = await dumpSchema(server, database);
    const store = storeOf(database);
    await expect(store.open()).rejects.toThrow(`the unknown revision ${revision}. Nothing was changed`);
    await store.close();
    expect(await dumpSchema(server, database)).toBe(before);
  });

  it('started by several programs at once is done by one of them', async () => {
    const database = await oldDatabase(undefined);
    const labs = [1, 2, 3, 4].map(() => new Lab({ config: { MetaBackend: { engine: server.url(database) } } }));
    const ended = await Promise.all(labs.map((lab) => lab.run(['-m', 'ls'])));
    for (const { code, stdout } of ended) {
      expect(code).toBe(0);
      expect(stdout).toContain(`|${VERSION}|1|0|`);
    }
    const upgraders = labs.filter((lab) => lab.log().includes('Upgraded the database'));
    expect(upgraders).toHaveLength(1);
    for (const lab of labs) lab.remove();
  });

  it('killed half way leaves the database unchanged, and the next command upgrades it', async () => {
    const database = await oldDatabase('cd3f15ae79f8');
    const lab = new Lab({ config: { MetaBackend: { engine: server.url(database) } } });
    const before = await dumpSchema(server, database);
    // A reader blocks the upgrade at table blocks; statistics have moved already.
    const reader = new pg.Client({ connectionString: server.url(database) });
    await reader.connect();
    await reader.query('BEGIN; LOCK TABLE blocks IN ACCESS SHARE MODE');
    const running = lab.start(['ls']);
    await untilWaiting(database);
    running.kill('SIGKILL');
    await running.ended;
    await reader.query('ROLLBACK');
    await reader.end();
    while ((await others(database)).length > 0) await sleep(20);
    expect(await dumpSchema(server, database)).toBe(before);
    expect(await server.query(database, 'SELECT * FROM alembic_version')).toEqual([{ version_num: 'cd3f15ae79f8' }]);
    expect(await lab.ok('-m', 'ls')).toContain(VERSION);
    lab.remove();
  });

  it('without the necessary rights is reported in one line, and changes nothing', async () => {
    const database = await oldDatabase('cd3f15ae79f8');
    await server.query(database, "CREATE ROLE weak LOGIN PASSWORD 'weak'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO weak");
    const before = await dumpSchema(server, database);
    const engine = server.url(database).replace('postgres:a-secret@', 'weak:weak@');
    const lab = new Lab({ config: { MetaBackend: { engine } } });
    const { code, stderr } = await lab.run(['ls']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/can't be upgraded: must be owner of table stats \(42501\). Nothing was changed/);
    expect(await dumpSchema(server, database)).toBe(before);
    lab.remove();
  });
});

async function untilWaiting(database: string): Promise<void> {
  const sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  while ((await server.query(database, sql)).length === 0) await sleep(20);
}

function others(database: string): Promise<object[]> {
  return server.query(database, 'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()');
}
