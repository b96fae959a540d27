import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import type { MetaStore } from '../../src/meta/meta-store.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import { metaCleanupSuite } from '../support/conformance/meta-cleanup.ts';
import { MetaLab } from '../support/conformance/meta-lab.ts';
import { StoreRace } from '../support/garbage/store-race.ts';
import { runSeed } from '../support/images/random.ts';
import { PostgresServer } from './postgres.ts';

const SEED = runSeed();
/** Of each connection. */
const OPERATIONS = process.env.BACKY_LONG_TESTS ? 1_000 : 100;
const TABLES = ['backy2_blobs', 'backy2_leaves', 'backy2_maps', 'backy2_map_leaves', 'backy2_candidates', 'backy2_doomed'];

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

function storeAt(engine: string, now: () => Date = () => new Date()): MetaStore {
  return postgresStore({ engine, logger: silentLogger, now });
}

describe('cleanup of the compact layout on PostgreSQL', () => {
  describe('conformance', () => {
    const lab = new MetaLab(async () => {
      let now = new Date();
      const database = await server.createDatabase();
      return {
        layout: 'compact' as const,
        store: () => storeAt(server.url(database), () => now),
        setNow: (date: Date) => {
          now = date;
        },
        ageCandidates: async (seconds: number) => {
          await server.query(database, `UPDATE backy2_candidates SET time = time - ${seconds}`);
        },
        dispose: async () => {},
      };
    });
    metaCleanupSuite(lab);
  });

  it(`loses and leaks nothing when several hosts back up, remove and clean up at once and are killed (seed ${SEED}; BACKY_TEST_SEED repeats it)`, async () => {
    const database = await server.createDatabase();
    const stores = Array.from({ length: 4 }, () => storeAt(server.url(database)));
    await stores[0]?.initialize('compact');
    for (const store of stores) await store.open();
    const race = new StoreRace(SEED);
    await race.run(stores, OPERATIONS);
    const [last] = stores;
    if (last !== undefined) await race.finish(last);
    for (const store of stores) await store.close();
    for (const table of TABLES) expect([table, await server.query(database, `SELECT * FROM ${table}`)]).toEqual([table, []]);
    for (const [what, count] of Object.entries(race.counts)) expect([what, count > 0]).toEqual([what, true]);
  });
});
