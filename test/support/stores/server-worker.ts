import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import type { CephAddress } from '../../services/ceph.ts';
import { createDatabase, dropDatabase, type PostgresAddress, postgresQuery, postgresUrl } from '../../services/postgres.ts';
import { copyObject, createBucket, deleteBucket, isBlobKey, listObjects, s3Request } from '../../services/s3-buckets.ts';

// Runs in a worker thread, and makes the requests of ServerCalls one after another.

const { postgres, ceph } = workerData as { postgres: PostgresAddress; ceph: Pick<CephAddress, 's3'> };
const { s3 } = ceph;
const IN_FLIGHT = 8;
/** A statement takes up to 65535 values. */
const ROWS_A_STATEMENT = 1000;
/** A connection to each database that was asked. */
const clients = new Map<string, pg.Client>();
/** Removals in the background, and the error of a failed one. */
let removals: Promise<void> = Promise.resolve();

const { builtins } = pg.types;
pg.types.setTypeParser(builtins.INT8, Number);
// The form that SQLite has.
pg.types.setTypeParser(builtins.TIMESTAMP, (text) => {
  const [seconds = '', fraction = ''] = text.split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
});

const calls = {
  /** Makes a database, as a copy of the template if there is one. */
  async createDatabase(name: string, template?: string): Promise<void> {
    if (template === undefined) return void (await createDatabase(postgres, name));
    // A template may have no sessions.
    await disconnect(template);
    await postgresQuery(postgres, 'postgres', `CREATE DATABASE "${name}" TEMPLATE "${template}"`);
  },
  async query(database: string, sql: string, values: readonly unknown[]): Promise<unknown[]> {
    return (await (await connected(database)).query<object>(numbered(sql), [...values])).rows;
  },
  async executeMany(database: string, sql: string, rows: readonly (readonly unknown[])[]): Promise<void> {
    const client = await connected(database);
    const [start = '', places = ''] = sql.split(' VALUES ');
    await client.query('BEGIN');
    for (let left = rows; left.length > 0; left = left.slice(ROWS_A_STATEMENT)) {
      const some = left.slice(0, ROWS_A_STATEMENT);
      await client.query(numbered(`${start} VALUES ${some.map(() => places).join(', ')}`), some.flat());
    }
    await client.query('COMMIT');
  },
  async createBucket(name: string): Promise<void> {
    await createBucket(s3, name);
  },
  async blobSizes(bucket: string): Promise<Map<string, number>> {
    const blobs = (await listObjects(s3, bucket)).filter(({ key }) => isBlobKey(key));
    return new Map(blobs.map(({ key, size }) => [key, size]));
  },
  async readBlobs(bucket: string, uids: readonly string[]): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    await inParallel(uids, async (uid) => {
      const bytes = await s3Request(s3, 'GET', `/${bucket}/${uid}`).catch((error: Error) => {
        if (!error.message.includes('answered with 404')) throw error;
      });
      if (bytes !== undefined) found.set(uid, bytes);
    });
    return found;
  },
  async writeBlob(bucket: string, uid: string, bytes: Uint8Array): Promise<void> {
    await s3Request(s3, 'PUT', `/${bucket}/${uid}`, { body: Buffer.from(bytes) });
  },
  async removeBlob(bucket: string, uid: string): Promise<void> {
    await s3Request(s3, 'DELETE', `/${bucket}/${uid}`);
  },
  async copyBlobs(from: string, to: string): Promise<void> {
    const keys = (await listObjects(s3, from)).map(({ key }) => key);
    await inParallel(keys, (key) => copyObject(s3, { from: `/${from}/${key}`, to: `/${to}/${key}` }));
  },
  /** Removes both in the background; `settle` waits for that. */
  async remove(database: string, bucket: string): Promise<void> {
    removals = removals.then(async () => {
      await disconnect(database);
      await dropDatabase(postgres, database);
      await deleteBucket(s3, bucket);
    });
    // `settle` reports it.
    removals.catch(() => {});
  },
  async settle(): Promise<void> {
    await removals;
  },
};

export type Calls = typeof calls;

export interface Request {
  name: keyof Calls;
  args: readonly unknown[];
  /** Becomes 1 when the answer is there. */
  done: Int32Array;
}

export type Answer = { value: unknown } | { error: string };

parentPort?.on('message', async ({ name, args, done, port }: Request & { port: MessagePort }) => {
  const answer = await answerOf(name, args);
  port.postMessage(answer);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});

async function answerOf(name: keyof Calls, args: readonly unknown[]): Promise<Answer> {
  try {
    const call = calls[name] as (...words: readonly unknown[]) => Promise<unknown>;
    return { value: await call(...args) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function connected(database: string): Promise<pg.Client> {
  const known = clients.get(database);
  if (known !== undefined) return known;
  const client = new pg.Client({ connectionString: postgresUrl(postgres, database) });
  client.on('error', () => clients.delete(database));
  await client.connect();
  clients.set(database, client);
  return client;
}

async function disconnect(database: string): Promise<void> {
  const client = clients.get(database);
  clients.delete(database);
  await client?.end();
}

/**
 * Replaces `?` by PostgreSQL's `$1`, `$2`, …. Statements of tests have no question mark in a text.
 */
function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => `$${++count}`);
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items[Symbol.iterator]();
  const workers = Array.from({ length: IN_FLIGHT }, async () => {
    for (const item of left) await work(item);
  });
  await Promise.all(workers);
}
