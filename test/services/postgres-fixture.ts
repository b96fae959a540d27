import { silentLogger } from '../../src/logger.ts';
import { postgresStore } from '../../src/meta/postgresql/postgres-store.ts';
import type { Layout } from '../../src/model/layout.ts';
import type { MetaStoreFixture } from '../support/conformance/meta-lab.ts';
import type { PostgresServer } from './postgres.ts';

/** The candidates for deletion of a layout. */
const CANDIDATES: Record<Layout, string> = { classic: 'deleted_blocks', compact: 'backy2_candidates' };

/**
 * Makes fixtures of the suites for metadata stores, one after the other. They share a database,
 * which each leaves without tables: a new one takes much longer.
 */
export function postgresFixtures(
  server: () => PostgresServer,
  layout: Layout,
): () => Promise<MetaStoreFixture & { database: string }> {
  let shared: string | undefined;
  return async () => {
    shared ??= await server().createDatabase();
    const database = shared;
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
      },
    };
  };
}
