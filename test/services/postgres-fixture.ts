import { silentLogger } from '../../src/logger.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import type { Layout } from '../../src/model/layout.ts';
import type { MetaStoreFixture } from '../support/conformance/meta-lab.ts';
import type { PostgresServer } from './postgres.ts';

/** The candidates for deletion of a layout. */
const CANDIDATES: Record<Layout, string> = { classic: 'deleted_blocks', compact: 'backy2_candidates' };

/**
 * Makes fixtures of the suites for metadata stores. Each leaves its database without tables for a
 * later one: a new one takes much longer.
 */
export function postgresFixtures(
  server: () => PostgresServer,
  layout: Layout,
): () => Promise<MetaStoreFixture & { database: string }> {
  const free: string[] = [];
  return async () => {
    const database = free.pop() ?? (await server().createDatabase());
    let now = new Date();
    return {
      layout,
      database,
      store: () => postgresStore({ engine: server().url(database), logger: silentLogger, now: () => now }),
      setNow: (date: Date) => {
        now = date;
      },
      ageCandidates: async (seconds: number) => {
        await server().query(database, `UPDATE ${CANDIDATES[layout]} SET time = time - ${seconds}`);
      },
      dispose: async () => {
        await server().query(database, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
        free.push(database);
      },
    };
  };
}
