import { randomBytes } from 'node:crypto';
import { loadStores } from '../lib/meta-stores.mjs';
import { PostgresServer, postgresPrograms } from '../lib/postgres-server.mjs';
import { Program } from '../lib/program.mjs';
import { alternate, toRow } from '../lib/rounds.mjs';
import { dataSeconds, initialized } from './common.mjs';

const BLOCK_BYTES = 4096;
const GROUP_ROWS = 10_000;
const VERSION = '00000000-0000-1000-8000-000000000000';
const INSERT_VERSION = `INSERT INTO versions VALUES ('${VERSION}', now(), NULL, 'bench', '', 0, 0, 0, 0)`;

/** @typedef {import('../../src/meta/meta-store.ts').MetaStore} MetaStore */

/**
 * Inserts rows into PostgreSQL, compared with a COPY of the same rows into the same tables by the
 * server's own client. All is synced; both sides keep all indexes and the foreign key.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 */
export async function* postgresql(workspace) {
  const programs = postgresPrograms();
  if (programs === undefined) {
    process.stderr.write('postgresql: not measured: no PostgreSQL in /usr/lib/postgresql\n');
    return;
  }
  const server = new PostgresServer(workspace, programs);
  await server.start();
  try {
    yield* measure(workspace, server);
  } finally {
    await server.stop();
  }
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {PostgresServer} server
 */
async function* measure(workspace, server) {
  const count = workspace.quick ? 20_000 : 200_000;
  const rows = Array.from({ length: count }, (_, id) => newRow(id));
  const text = rows.map(copyLine).join('');
  const { postgres: storeOf } = await loadStores(workspace);
  let bytes = { table: 0, all: 0 };
  const rounds = await alternate(workspace.rounds(3), {
    copy: async () => {
      const { database, store } = await freshDatabase(server, storeOf);
      const seconds = await timed(async () => server.psql(database, 'COPY blocks FROM STDIN', text));
      bytes = sizesOf(server, database);
      await drop(server, database, store);
      return { seconds };
    },
    groups: async () => {
      const { database, store } = await freshDatabase(server, storeOf);
      const seconds = await timed(() => commitInGroups(store, rows));
      await drop(server, database, store);
      return { seconds };
    },
    backup: async () => ({ seconds: await backUp(workspace, server, count) }),
  });
  const perSecond = (/** @type {number | undefined} */ seconds) => count / (seconds ?? Number.NaN);
  const row = { name: 'postgresql', unit: 'rows/s' };
  yield toRow(
    { ...row, what: `${count} rows in groups of ${GROUP_ROWS}, vs one COPY`, atLeast: 0.6 },
    rounds.map(({ groups, copy }) => ({ ours: perSecond(groups.seconds), limit: perSecond(copy.seconds) })),
  );
  yield toRow(
    { ...row, what: `backup of ${count} different blocks of 4 KiB, vs one COPY` },
    rounds.map(({ backup, copy }) => ({ ours: perSecond(backup.seconds), limit: perSecond(copy.seconds) })),
  );
  const mibPerMillion = (/** @type {number} */ size) => ((size / count) * 1e6) / 2 ** 20;
  yield toRow({ name: 'postgresql', unit: 'MiB', what: 'a million rows, with all indexes, vs the table alone' }, [
    { ours: mibPerMillion(bytes.all), limit: mibPerMillion(bytes.table) },
  ]);
}

/**
 * A new database with tables and a version.
 * @param {PostgresServer} server
 * @param {(engine: string) => MetaStore} storeOf
 */
async function freshDatabase(server, storeOf) {
  const database = newDatabase(server);
  const store = storeOf(server.url(database));
  await store.initialize();
  await store.open();
  server.psql(database, INSERT_VERSION);
  server.psql(database, 'CHECKPOINT');
  return { database, store };
}

let databases = 0;

/** @param {PostgresServer} server @returns its name. */
function newDatabase(server) {
  const database = `bench${databases++}`;
  server.psql('postgres', `CREATE DATABASE ${database}`);
  return database;
}

/** @param {MetaStore} store @param {ReturnType<typeof newRow>[]} rows */
async function commitInGroups(store, rows) {
  for (let first = 0; first < rows.length; first += GROUP_ROWS) {
    await store.commitGroup(
      VERSION,
      { rows: rows.slice(first, first + GROUP_ROWS), sparse: [], counters: () => ({}) },
      { blockSize: BLOCK_BYTES, sizeBytes: rows.length * BLOCK_BYTES },
    );
  }
}

/**
 * Backs up a null image with the real program.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {PostgresServer} server
 * @param {number} blocks
 * @returns seconds between the first read and the last commit.
 */
async function backUp(workspace, server, blocks) {
  const database = newDatabase(server);
  const folder = workspace.folder('disk', 'postgresql');
  const program = await initialized(new Program(workspace, { folder, blockSize: BLOCK_BYTES, engine: server.url(database) }));
  const outcome = await program.run('backup', `null://${blocks * BLOCK_BYTES}`, 'bench');
  server.psql('postgres', `DROP DATABASE ${database} WITH (FORCE)`);
  return dataSeconds(outcome);
}

/** @param {PostgresServer} server @param {string} database */
function sizesOf(server, database) {
  const printed = server.psql(database, "SELECT pg_table_size('blocks'), pg_total_relation_size('blocks')");
  const [table = 0, all = 0] = printed.trim().split('|').map(Number);
  return { table, all };
}

/**
 * @param {PostgresServer} server
 * @param {string} database
 * @param {{ close(): Promise<void> }} store
 */
async function drop(server, database, store) {
  await store.close();
  server.psql('postgres', `DROP DATABASE ${database} WITH (FORCE)`);
}

/** @param {() => Promise<unknown>} work */
async function timed(work) {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** @param {number} id */
function newRow(id) {
  const checksum = randomBytes(64).toString('hex');
  return { id, uid: checksum.slice(0, 32), checksum, size: BLOCK_BYTES, encVersion: 0, envKey: null, nonce: null, found: false };
}

/** A row as COPY reads it. @param {ReturnType<typeof newRow>} row */
function copyLine({ uid, id, checksum }) {
  return `${uid}\t${VERSION}\t${id}\t2026-01-01 00:00:00.000000\t${checksum}\t${BLOCK_BYTES}\t1\t0\t\\N\t\\N\n`;
}
