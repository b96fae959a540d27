import { afterAll, beforeAll, describe } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import { metaHealingSuite } from '../support/conformance/meta-healing.ts';
import { metaIdentitySuite } from '../support/conformance/meta-identity.ts';
import { metaStoreSuite } from '../support/conformance/meta-store.ts';
import { PostgresServer } from './postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

describe('the PostgreSQL store in the compact layout', () => {
  const create = async () => {
    let now = new Date();
    const database = await server.createDatabase();
    return {
      layout: 'compact' as const,
      store: () => postgresStore({ engine: server.url(database), logger: silentLogger, now: () => now }),
      setNow: (date: Date) => {
        now = date;
      },
      ageCandidates: async (seconds: number) => {
        await server.query(database, `UPDATE backy2_candidates SET time = time - ${seconds}`);
      },
      dispose: async () => {},
    };
  };
  describe('conformance of versions and blocks', () => metaStoreSuite(create));
  describe('conformance of healing and checks', () => metaHealingSuite(create));
  describe('conformance of the link to its data backend', () => metaIdentitySuite(create));
});
