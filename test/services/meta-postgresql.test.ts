import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../src/logger.ts';
import type { MetaStore } from '../../src/meta/meta-store.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import type { BackupRow } from '../../src/model/block.ts';
import { metaCatalogueSuite } from '../support/conformance/meta-catalogue.ts';
import { metaHealingSuite } from '../support/conformance/meta-healing.ts';
import { metaIdentitySuite } from '../support/conformance/meta-identity.ts';
import { metaStoreSuite } from '../support/conformance/meta-store.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import { PostgresServer } from './postgres.ts';
import { postgresFixtures } from './postgres-fixture.ts';

const GEOMETRY = { blockSize: 100, sizeBytes: 1000 };
const NO_COUNTS = {
  ...{ bytesRead: 0, blocksRead: 0, bytesWritten: 0, blocksWritten: 0, bytesDedup: 0, blocksDedup: 0 },
  ...{ bytesSparse: 0, blocksSparse: 0, durationSeconds: 0 },
};

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

function storeAt(engine: string, now: () => Date = () => new Date(), logger: Logger = silentLogger): MetaStore {
  return postgresStore({ engine, logger, now });
}

/** A new database with tables. */
async function newDatabase(): Promise<string> {
  const name = await server.createDatabase();
  const store = storeAt(server.url(name));
  await store.initialize();
  await store.close();
  return name;
}

async function withStore<T>(engine: string, body: (store: MetaStore) => Promise<T>): Promise<T> {
  const store = storeAt(engine);
  try {
    await store.open();
    return await body(store);
  } finally {
    await store.close();
  }
}

const newVersion = (store: MetaStore, uid: string, name = 'vm') =>
  store.createVersion({ uid, name, snapshotName: '', size: 10, sizeBytes: 1000, expire: null, tags: ['t'] });
const uidOf = (n: number) => `${String(n).padStart(10, '0')}${'A'.repeat(22)}`;
const row = (id: number, blob: number, found = false): BackupRow => ({
  ...{ id, uid: uidOf(blob), checksum: `sum${blob}`, size: 100, encVersion: 0, envKey: null, nonce: null, found },
});
const commit = (store: MetaStore, uid: string, rows: BackupRow[]) =>
  store.commitGroup(uid, { rows, sparse: [], counters: () => NO_COUNTS }, GEOMETRY);

describe('the PostgreSQL store', () => {
  describe('conformance', () => {
    const create = postgresFixtures(() => server, 'classic');
    describe('of versions and blocks', () => metaStoreSuite(create));
    describe('of healing and checks', () => metaHealingSuite(create));
    describe('of the link to its data backend', () => metaIdentitySuite(create));
    describe('of the catalogue', () =>
      metaCatalogueSuite(create, { histories: Number(process.env.TWIN_RUNS ?? 2), seconds: () => Date.now() / 1000 }));
  });

  it('sorts names by their bytes, whatever the collation of the database', async () => {
    const name = 'english';
    await server.query(
      'postgres',
      `CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'`,
    );
    const store = storeAt(server.url(name));
    await store.initialize();
    for (const [i, text] of ['b', 'B', 'a', 'ä', 'a-1', 'aa'].entries()) await newVersion(store, `v${i}`, text);
    await store.addTags('v0', ['z', 'Z', 'a b', 'a', 'ab']);
    expect((await store.listVersions({})).map((version) => version.name)).toEqual(['B', 'a', 'a-1', 'aa', 'b', 'ä']);
    expect((await store.findVersion('v0'))?.tags).toEqual(['Z', 'a', 'a b', 'ab', 't', 'z']);
    await store.close();
  });

  it('writes values as the original reads them: times in UTC whatever the time zone of the server, and NULL for missing values of a sparse block', async () => {
    const name = await newDatabase();
    await server.query('postgres', `ALTER DATABASE "${name}" SET timezone = 'Asia/Tokyo'`);
    await server.query('postgres', `ALTER DATABASE "${name}" SET datestyle = 'German'`);
    const at = new Date('2026-11-23T04:42:24.910Z');
    const store = storeAt(server.url(name), () => at);
    await store.open();
    await store.createVersion({ uid: 'v', name: 'n', snapshotName: '', size: 2, sizeBytes: 150, expire: new Date(0), tags: [] });
    const geometry = { blockSize: 100, sizeBytes: 150 };
    await store.commitGroup('v', { rows: [row(0, 1)], sparse: [{ first: 1, count: 1 }], counters: () => NO_COUNTS }, geometry);
    const version = await store.findVersion('v');
    expect(version).toMatchObject({ date: at, expire: new Date(0) });
    if (version !== undefined) await store.finishBackup(version, NO_COUNTS);
    await store.close();
    const [dates] = await server.query(
      name,
      "SELECT to_char(date, 'YYYY-MM-DD HH24:MI:SS.US') AS date, to_char(expire, 'YYYY-MM-DD HH24:MI:SS.US') AS expire FROM versions",
    );
    expect(dates).toEqual({ date: '2026-11-23 04:42:24.910000', expire: '1970-01-01 00:00:00.000000' });
    const [apart] = await server.query<{ seconds: string }>(
      name,
      "SELECT extract(epoch FROM now() AT TIME ZONE 'UTC' - date)::int AS seconds FROM stats",
    );
    expect(Math.abs(Number(apart?.seconds))).toBeLessThan(600);
    expect(
      await server.query(
        name,
        'SELECT id, uid, checksum, size::int, valid, enc_version, enc_envkey, enc_nonce FROM blocks ORDER BY id',
      ),
    ).toEqual([
      { id: 0, uid: uidOf(1), checksum: 'sum1', size: 100, valid: 1, enc_version: 0, enc_envkey: null, enc_nonce: null },
      { id: 1, uid: null, checksum: null, size: 50, valid: 1, enc_version: 0, enc_envkey: null, enc_nonce: null },
    ]);
  });

  describe('when the connection is lost', () => {
    const viaProxy = async (body: (store: MetaStore, proxy: CuttingProxy, database: string) => Promise<void>) => {
      const database = await newDatabase();
      const proxy = await CuttingProxy.start(server.port);
      const engine = server.url(database).replace(`:${server.port}/`, `:${proxy.port}/`);
      const store = storeAt(`${engine}?sslmode=disable`);
      try {
        await store.open();
        await body(store, proxy, database);
      } finally {
        await store.close();
        await proxy.stop();
      }
    };

    it.each(['before', 'after'] as const)('%s the server commits, the change is there once', (when) =>
      viaProxy(async (store, proxy, database) => {
        await newVersion(store, 'v0');
        const before = proxy.commits;
        proxy.cutNextCommit(when);
        await newVersion(store, 'v1');
        // Repeated only if the server says that the commit did not happen.
        expect(proxy.commits - before).toBe(when === 'before' ? 2 : 1);
        expect(await server.query(database, "SELECT uid FROM versions WHERE uid = 'v1'")).toHaveLength(1);
        proxy.cutNextCommit(when);
        expect((await commit(store, 'v1', [row(0, 1), row(1, 2)])).refused).toEqual([]);
        expect(await server.query(database, 'SELECT id FROM blocks')).toHaveLength(2);
      }),
    );

    it('reads and writes continue with a new one', () =>
      viaProxy(async (store, proxy) => {
        await newVersion(store, 'v1');
        proxy.cutAll();
        expect(await store.findVersion('v1')).toBeDefined();
        proxy.cutAll();
        await store.setProtected('v1', true);
        expect((await store.findVersion('v1'))?.protected).toBe(true);
      }));

    it('an import and a change of keys fail, and nothing is changed', () =>
      viaProxy(async (store, proxy, database) => {
        await newVersion(store, 'v1');
        await commit(store, 'v1', [{ ...row(0, 1), encVersion: 1, envKey: 'k' }]);
        const cutting = {
          rewrap: () => {
            proxy.cutAll();
            return 'other';
          },
          onProgress: () => {},
        };
        await expect(store.rewrapKeys(cutting)).rejects.toMatchObject({
          code: 'database',
          message: /was lost. Nothing was changed/,
        });
        const version = { uid: 'v9', date: new Date(), name: 'n', snapshotName: '', size: 1, sizeBytes: 1 };
        const rows = (async function* () {
          yield { ...row(0, 5), valid: true, date: new Date() };
          proxy.cutAll();
        })();
        await expect(
          store.importVersion({ ...version, valid: true, protected: false, expire: null }, rows),
        ).rejects.toMatchObject({
          message: /was lost. Nothing was changed/,
        });
        expect(await server.query(database, 'SELECT enc_envkey AS key FROM blocks')).toEqual([{ key: 'k' }]);
        expect(await server.query(database, 'SELECT uid FROM versions')).toEqual([{ uid: 'v1' }]);
      }));
  });
});

describe('a cleanup and a backup of two hosts', () => {
  /**
   * Runs `body` with a database in which a version of two blobs was removed: both are candidates.
   */
  const withCandidates = async (body: (a: MetaStore, b: MetaStore, database: string) => Promise<void>) => {
    const database = await newDatabase();
    await withStore(server.url(database), (a) =>
      withStore(server.url(database), async (b) => {
        await newVersion(a, 'v1');
        await commit(a, 'v1', [row(0, 1), row(1, 2)]);
        await newVersion(b, 'v2');
        await body(a, b, database);
      }),
    );
  };

  it('never both get a blob, in either order', () =>
    withCandidates(async (a, b, database) => {
      for (let round = 0; round < 60; round++) {
        const uid = `w${round}`;
        await newVersion(a, uid);
        await commit(
          a,
          uid,
          Array.from({ length: 10 }, (_, id) => row(id, 1000 + round * 10 + id)),
        );
        const taker = `x${round}`;
        await newVersion(b, taker);
        const found = Array.from({ length: 10 }, (_, id) => row(id, 1000 + round * 10 + id, true));
        const [, doomed, { refused }] = await Promise.all([
          a.removeVersion(uid, () => {}),
          a.doomCandidates(0, 1000, ''),
          commit(b, taker, found),
        ]);
        const late = await a.doomCandidates(0, 1000, '');
        const named = await server.query<{ uid: string }>(database, `SELECT uid FROM blocks WHERE version_uid = '${taker}'`);
        expect(named.length + refused.length).toBe(10);
        expect([...doomed, ...late].filter((blob) => named.some((other) => other.uid === blob))).toEqual([]);
        await a.forgetDoomed([...doomed, ...late]);
      }
    }));

  it('wait for one another: a row that is not committed yet keeps its blob from being doomed', () =>
    withCandidates(async (a, b, database) => {
      await a.removeVersion('v1', () => {});
      const other = await server.session(database);
      await other.query('BEGIN; SELECT pg_advisory_xact_lock_shared(1650549611, 1)');
      await other.query(`INSERT INTO blocks VALUES ('${uidOf(1)}', 'v2', 5, now(), 'sum1', 100, 1, 0, NULL, NULL)`);
      const dooming = b.doomCandidates(0, 10, '');
      await server.waitsForLock(database);
      await other.query('COMMIT');
      await other.end();
      expect(await dooming).toEqual([uidOf(2)]);
    }));

  it('wait for one another: a blob that is being doomed is refused', () =>
    withCandidates(async (_a, b, database) => {
      const other = await server.session(database);
      await other.query('BEGIN; SELECT pg_advisory_xact_lock(1650549611, 1)');
      await other.query(`INSERT INTO backy2_doomed VALUES ('${uidOf(1)}', 1)`);
      const committing = commit(b, 'v2', [row(0, 1, true), row(1, 2, true)]);
      await server.waitsForLock(database);
      await other.query('COMMIT');
      await other.end();
      expect((await committing).refused).toEqual([row(0, 1, true)]);
    }));

  it('and a scrub: a row added while its blob is found bad does not stay valid', () =>
    withCandidates(async (a, b, database) => {
      const other = await server.session(database);
      await other.query('BEGIN; SELECT pg_advisory_xact_lock_shared(1650549611, 1)');
      await other.query(`INSERT INTO blocks VALUES ('${uidOf(1)}', 'v2', 5, now(), 'sum1', 100, 1, 0, NULL, NULL)`);
      const marking = a.markBlobsInvalid([{ uid: uidOf(1), checksum: 'sum1' }]);
      await server.waitsForLock(database);
      await other.query('COMMIT');
      await other.end();
      expect((await marking)[0]?.map(({ versionUid }) => versionUid).sort()).toEqual(['v1', 'v2']);
      expect((await b.blocksById('v2', [5]))[0]?.valid).toBe(false);
    }));
});
