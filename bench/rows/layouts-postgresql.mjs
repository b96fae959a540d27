import { Image } from '../lib/image.mjs';
import { loadStores } from '../lib/meta-stores.mjs';
import { PostgresServer, postgresPrograms } from '../lib/postgres-server.mjs';
import { ownCpuSeconds, serverCpuSeconds } from '../lib/processor-time.mjs';
import { alternate } from '../lib/rounds.mjs';
import { changeCounts, compare, measureSteps, moreChanges } from './layouts.mjs';

const BLOCK_BYTES = 4096;
const BLOCKS = 524_288;

/**
 * Both layouts on PostgreSQL, in processor time of this process and of the server together.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* layoutsPostgresql(workspace) {
  const programs = postgresPrograms();
  if (programs === undefined) {
    process.stderr.write('layouts-postgresql: not measured: no PostgreSQL in /usr/lib/postgresql\n');
    return;
  }
  const blocks = workspace.quick ? 6_000 : (workspace.blocks ?? BLOCKS);
  const stores = await loadStores(workspace);
  const server = new PostgresServer(workspace, programs);
  await server.start();
  try {
    /** @param {'classic' | 'compact'} layout */
    const measure = (layout) => measurePostgres({ server, stores, blocks, layout });
    const rounds = await alternate(1, { classic: () => measure('classic'), compact: () => measure('compact') });
    const lookups = { hits: { atMost: 1 }, misses: { atMost: 1 } };
    yield* compare({ engine: 'postgresql', blocks, rounds, required: { full: { atMost: 0.5 }, ...lookups } });
    yield* moreChanges({ engine: 'postgresql', blocks, compact: rounds[0]?.compact ?? {} });
  } finally {
    await server.stop();
  }
}

/**
 * @param {{ server: PostgresServer, stores: import('../lib/meta-stores.mjs').Stores,
 *   blocks: number, layout: 'classic' | 'compact' }} options
 */
async function measurePostgres({ server, stores, blocks, layout }) {
  const database = `layouts_${layout}`;
  server.psql('postgres', `CREATE DATABASE ${database}`);
  const store = stores.postgres(server.url(database));
  await store.initialize(layout);
  await store.open();
  const clock = () => ownCpuSeconds() + serverCpuSeconds(server.child?.pid ?? 0);
  const image = new Image(store, { blocks, blockSize: BLOCK_BYTES, name: 'vm', clock });
  const size = () => Number(server.psql(database, 'SELECT pg_database_size(current_database())'));
  const empty = size();
  const bytes = () => size() - empty;
  const { values } = await measureSteps(image, { more: changeCounts(layout, blocks), bytes });
  await store.close();
  server.psql('postgres', `DROP DATABASE ${database} WITH (FORCE)`);
  return values;
}
