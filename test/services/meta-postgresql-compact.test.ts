import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import { sqliteStore } from '../../src/meta/sqlite/sqlite-store.ts';
import { metaCatalogueSuite } from '../support/conformance/meta-catalogue.ts';
import { metaHealingSuite } from '../support/conformance/meta-healing.ts';
import { metaIdentitySuite } from '../support/conformance/meta-identity.ts';
import { metaStoreSuite } from '../support/conformance/meta-store.ts';
import { TWIN_STEPS, TwinStores } from '../support/stores/twin-stores.ts';
import { PostgresServer } from './postgres.ts';
import { postgresFixtures } from './postgres-fixture.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

describe('the PostgreSQL store in the compact layout', () => {
  const create = postgresFixtures(() => server, 'compact');
  describe('conformance of versions and blocks', () => metaStoreSuite(create));
  describe('conformance of healing and checks', () => metaHealingSuite(create));
  describe('conformance of the link to its data backend', () => metaIdentitySuite(create));
  describe('conformance of the catalogue', () =>
    metaCatalogueSuite(create, { histories: Number(process.env.TWIN_RUNS ?? 2), seconds: () => Date.now() / 1000 }));

  it('tells the same about every version as the classic layout on SQLite', { timeout: 200_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-twins-'));
    const now = () => new Date('2026-11-23T04:42:24.910Z');
    const step = fc.record({ kind: fc.constantFrom(...TWIN_STEPS), seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }) });
    let made = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 25, size: 'max' }), async (steps) => {
        const path = join(folder, String(++made));
        const classic = sqliteStore({ path, cacheMb: 16, createIfMissing: false, logger: silentLogger, now });
        const compact = postgresStore({ engine: server.url(await server.createDatabase()), logger: silentLogger, now });
        await classic.initialize('classic');
        await compact.initialize('compact');
        for (const store of [classic, compact]) await store.open();
        const twins = new TwinStores(classic, compact);
        for (const { kind, seed } of [{ kind: 'backup' as const, seed: 1 }, ...steps]) await twins.step(kind, seed);
        await twins.compare();
        for (const store of [classic, compact]) await store.close();
      }),
      { numRuns: Number(process.env.TWIN_RUNS ?? 2), endOnFailure: true },
    );
    rmSync(folder, { recursive: true, force: true });
  });
});
