import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { LOCK_NAMES } from '../../src/locking/lock.ts';
import { lockKey } from '../../src/locking/lock-key.ts';
import { PostgresLockService } from '../../src/locking/postgres-lock.ts';
import { lockServiceSuite } from '../support/conformance/lock-service.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { createDatabase, dropDatabase, PostgresServer, postgresQuery, postgresUrl } from './postgres.ts';

const address = inject('postgres');
let database: string;
let services: PostgresLockService[];
beforeEach(async () => {
  database = await createDatabase(address);
  services = [];
});
afterEach(async () => {
  for (const service of services) await service.close();
  await dropDatabase(address, database);
});

/**
 * A lock service as another process would have it; `port` of a proxy. By default it waits long, for
 * busy machines.
 */
function open({
  name = 'backy2 test',
  port = address.port,
  inDatabase = database,
  answerWithinMs = 30_000,
} = {}): PostgresLockService {
  const service = new PostgresLockService({
    connect: () => connect(postgresUrl({ ...address, port }, inDatabase), name),
    where: 'the database',
    watchEveryMs: 200,
    answerWithinMs,
  });
  services.push(service);
  return service;
}

async function connect(connectionString: string, name = 'backy2 test'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: name, keepAlive: true });
  await client.connect();
  return client;
}

const query = (sql: string) => postgresQuery<Record<string, unknown>>(address, database, sql);
/**
 * One view lists all locks of a server: limit it to this database, so as not to disturb other
 * tests.
 */
const HERE = "locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
const endSessions = () => query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE ${HERE}`);

/** Locks in the database, except each session's lock on itself. */
const locksOf = async (name: string) => {
  const key = BigInt.asUintN(64, await lockKey(name));
  return query(`SELECT mode FROM pg_locks WHERE ${HERE} AND classid = ${key >> 32n} AND objid = ${key & 0xffffffffn}`);
};

describe('locks in PostgreSQL', () => {
  describe('conformance', () => {
    lockServiceSuite(async () => ({ open, dispose: async () => {} }));
  });

  it('have the same keys on every host, signed', async () => {
    // The empty key is xxhash64 itself: compare with the value of its reference implementation.
    expect(await lockKey('')).toBe(BigInt.asIntN(64, 0xef46db3751d8e999n));
    expect(await lockKey('abc')).toBe(0x44bc2cf5ad770999n);
  });

  it('exclude each other within one session, to which PostgreSQL would give the lock twice', async () => {
    const one = open();
    const held = await one.tryAcquire('a', 'exclusive');
    expect(await one.tryAcquire('a', 'exclusive')).toBeUndefined();
    expect(await one.tryAcquire('a', 'shared')).toBeUndefined();
    await held?.release();
    const shared = [await one.tryAcquire('a', 'shared'), await one.tryAcquire('a', 'shared')];
    expect(await one.tryAcquire('a', 'exclusive')).toBeUndefined();
    await shared[0]?.release();
    expect(await open().tryAcquire('a', 'exclusive')).toBeUndefined();
    await shared[1]?.release();
    expect(await locksOf('a')).toEqual([]);
  });

  it('belong to their database only, and name their holder', async () => {
    const other = await createDatabase(address);
    const elsewhere = open({ name: 'backy2 elsewhere', inDatabase: other });
    await elsewhere.tryAcquire('a', 'exclusive');
    const one = open({ name: 'backy2 backup on host1, pid 7' });
    const two = open({ name: 'backy2 rm on host2, pid 8' });
    expect(await one.isHeld('a')).toBe(false);
    expect(await one.tryAcquire('a', 'exclusive')).toBeDefined();
    expect(await two.holders('a')).toEqual(['backy2 backup on host1, pid 7']);
    expect(await one.holders('a')).toEqual([]);
    await elsewhere.close();
    await dropDatabase(address, other);
  });

  it('leave nothing behind after a mere check', async () => {
    const one = open();
    expect(await one.isHeld('a')).toBe(false);
    expect(await locksOf('a')).toEqual([]);
    await open().tryAcquire('a', 'shared');
    expect(await one.isHeld('a')).toBe(false);
    expect(await locksOf('a')).toEqual([{ mode: 'ShareLock' }]);
  });

  it('are released by close, and by the end of the session', async () => {
    const one = open();
    await one.tryAcquire('a', 'exclusive');
    await one.close();
    await expect.poll(() => locksOf('a')).toEqual([]);
  });

  it('report their loss when their session is ended', async () => {
    const one = open();
    await one.tryAcquire('a', 'exclusive');
    await one.confirm();
    await endSessions();
    await expect.poll(() => one.lost.aborted).toBe(true);
    expect(one.lost.reason).toMatchObject({
      code: 'lockLost',
      exitCode: 100,
      message: expect.stringMatching(/the database.*lost/),
    });
    await expect(one.confirm()).rejects.toBe(one.lost.reason);
    await expect(one.tryAcquire('b', 'shared')).rejects.toBe(one.lost.reason);
  });

  it('report their loss when the server no longer answers, and are released', async () => {
    const proxy = await TcpProxy.start(address.port);
    const one = open({ port: proxy.port, answerWithinMs: 1_000 });
    const held = await one.tryAcquire('a', 'exclusive');
    proxy.hang();
    await expect.poll(() => one.lost.aborted).toBe(true);
    expect(one.lost.reason).toMatchObject({ message: expect.stringMatching(/no answer in 1 s/) });
    // Must not hang, though nothing answers.
    await held?.release();
    await one.close();
    proxy.resume();
    await expect.poll(() => locksOf('a')).toEqual([]);
    await proxy.stop();
  });

  it('let transactions check whether they are held', async () => {
    const one = open();
    expect(one.fence()).toBeUndefined();
    const operations = await one.tryAcquire(LOCK_NAMES.operations, 'shared');
    const fence = one.fence();
    const granted = async (key: bigint | undefined) =>
      (await query(`SELECT pg_try_advisory_xact_lock_shared(${key}) AS granted`))[0]?.granted;
    expect(await granted(fence?.share)).toBe(true);
    expect(await granted(fence?.taken)).toBe(false);
    await endSessions();
    await expect.poll(() => granted(fence?.taken)).toBe(true);
    await operations?.release();
    const two = open();
    await two.tryAcquire(LOCK_NAMES.operations, 'exclusive');
    expect(two.fence()?.share).toBeUndefined();
    expect(await granted(await lockKey(LOCK_NAMES.operations))).toBe(false);
  });

  it('report nothing when a session without locks is lost, or is closed', async () => {
    const one = open();
    await (await one.tryAcquire('a', 'exclusive'))?.release();
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'backy2 test' AND datname = current_database()",
    );
    await expect
      .poll(() =>
        one.isHeld('a').then(
          () => 'there',
          () => 'lost',
        ),
      )
      .toBe('lost');
    expect(one.lost.aborted).toBe(false);
    const two = open();
    await two.tryAcquire('a', 'exclusive');
    await two.close();
    await sleep(300);
    expect(two.lost.aborted).toBe(false);
  });

  it('are lost with a restart of the server', async () => {
    const server = await PostgresServer.start();
    const options = { connect: () => connect(server.url('postgres')), where: 'the database', watchEveryMs: 200 };
    const one = new PostgresLockService(options);
    await one.tryAcquire('a', 'exclusive');
    await server.restart();
    await expect.poll(() => one.lost.aborted).toBe(true);
    await one.close();
    await server.stop();
    await expect(new PostgresLockService(options).tryAcquire('a', 'shared')).rejects.toThrow(/ECONNREFUSED/);
  });
});
