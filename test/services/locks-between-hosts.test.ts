import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { LOCK_NAMES } from '../../src/locking/lock.ts';
import { PostgresLockService } from '../../src/locking/postgres-lock.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { uidOf } from '../support/labs/lab.ts';
import type { Running } from '../support/program/process.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { Host, type SharedStore } from './host.ts';
import { createDatabase, dropDatabase, PostgresServer, postgresUrl } from './postgres.ts';

const BLOCK = 4096;
const IMAGE = noise(300 * BLOCK, 'image');
/** Slows down a backup of the image to about this many seconds. */
const lasting = (seconds: number) => ({ DataBackend: { bandwidth_write: Math.ceil(300 / seconds) * BLOCK } });

let dataPath: string;
let store: SharedStore;
let one: Host;
let two: Host;
beforeEach(async () => {
  dataPath = mkdtempSync(join(tmpdir(), 'backy2-shared-'));
  store = {
    postgres: inject('postgres'),
    database: await createDatabase(inject('postgres')),
    config: {},
    dataPath,
    blockSize: BLOCK,
  };
  one = new Host('host-one', store);
  two = new Host('host-two', store);
  await one.ok('initdb');
});
afterEach(async () => {
  for (const host of [one, two]) host.remove();
  rmSync(dataPath, { recursive: true });
  await dropDatabase(store.postgres, store.database);
});

/** Starts a slow backup of the image. @returns once its version exists and blocks arrive. */
async function startBackup(host: Host, seconds = 3): Promise<{ running: Running; uid: string }> {
  host.configure(lasting(seconds));
  const running = host.start(['-m', 'backup', `file://${host.write('image', IMAGE)}`, 'vm'], { timeoutMs: 90_000 });
  await expect.poll(() => running.stdout || running.hasEnded).toMatch(/-/);
  return { running, uid: uidOf(running.stdout) };
}

/** Takes the lock of cleanup -f, as another host would. */
async function holdInstallation(): Promise<PostgresLockService> {
  const connectionString = postgresUrl(store.postgres, store.database);
  const holder = new PostgresLockService({
    where: 'the database',
    connect: async () => {
      const client = new pg.Client({ connectionString, application_name: 'backy2 cleanup on host-three, pid 9' });
      await client.connect();
      return client;
    },
  });
  expect(await holder.tryAcquire(LOCK_NAMES.installation, 'exclusive')).toBeDefined();
  return holder;
}

/** Continues an unfinished backup and checks the result. */
async function continueAndCheck(host: Host, uid: string): Promise<void> {
  host.configure({});
  await host.ok('backup', '-c', uid, `file://${host.path('image')}`, 'vm');
  expect(await host.restoredSha256(uid)).toBe(sha256(IMAGE));
  await host.ok('scrub', uid);
}

describe('hosts that share a database', () => {
  test('refuse commands that a backup on another host excludes, and name that backup', async () => {
    // Long enough for four commands on a busy machine.
    const { running, uid } = await startBackup(one, 20);
    const inTheWay = new RegExp(`backy2 backup on host-one, pid ${running.pid}`);
    for (const args of [
      ['rm', '-f', uid],
      ['restore', uid, 'file:///dev/null'],
      ['cleanup', '-f'],
      ['rekey', 'ab'.repeat(32)],
    ]) {
      const more = args[0] === 'rekey' ? { DEFAULTS: { encryption_version: 1, encryption_key: 'cd'.repeat(32) } } : {};
      two.configure(more);
      const refused = await two.run(args);
      expect(refused, args.join(' ')).toMatchObject({ code: 100 });
      expect(refused.stderr, args.join(' ')).toMatch(inTheWay);
    }
    two.configure({});
    expect(await running.ended).toMatchObject({ code: 0 });
    await two.ok('scrub', uid);
    await two.ok('cleanup', '-f');
    expect(await two.restoredSha256(uid)).toBe(sha256(IMAGE));
    await two.ok('rm', uid);
  });

  test('refuse others while one has exclusive access', async () => {
    await one.ok('backup', `file://${one.write('image', IMAGE)}`, 'vm');
    // Holds the lock as cleanup -f does, until the test releases it.
    const holder = await holdInstallation();
    for (const args of [['ls'], ['backup', `file://${two.write('image', IMAGE)}`, 'vm'], ['cleanup']]) {
      const refused = await two.run(args);
      expect(refused, args.join(' ')).toMatchObject({ code: 100 });
      expect(refused.stderr).toMatch(/requires exclusive access.*backy2 cleanup on host-three, pid 9/);
    }
    await holder.close();
    await two.ok('ls');
  });

  test('need no lock_dir for these locks', async () => {
    one = new Host('host-one', store, { more: { DEFAULTS: { lock_dir: '' } } });
    // Long enough for two commands on a busy machine.
    const { running, uid } = await startBackup(one, 10);
    const other = new Host('host-one', store, { more: { DEFAULTS: { lock_dir: '' } } });
    expect(await other.run(['rm', '-f', uid])).toMatchObject({ code: 100, stderr: expect.stringMatching(/is locked/) });
    const cleanup = await other.run(['cleanup', '-f']);
    expect(cleanup).toMatchObject({ code: 100, stderr: expect.stringMatching(/Other backy instances are running/) });
    expect(await running.ended).toMatchObject({ code: 0 });
    other.remove();
  });

  test('may read one version at the same time', async () => {
    const uid = await one.backup(`file://${one.write('image', IMAGE)}`, 'vm');
    expect(await Promise.all([one.restoredSha256(uid), two.restoredSha256(uid)])).toEqual([sha256(IMAGE), sha256(IMAGE)]);
  });
});

describe('a backup whose locks in the database are lost', () => {
  test('stops, reports it, and is resumed', async () => {
    const { running, uid } = await startBackup(one);
    expect(await one.endLockSessions()).toBe(1);
    const { code, stderr } = await running.ended;
    expect(code).toBe(100);
    expect(stderr).toMatch(/holds the locks between hosts was lost.*backy2 backup -c/s);
    expect(await one.sharedVersions()).toMatchObject([{ uid, valid: 0 }]);
    expect(one.lockFiles()).toEqual([]);
    two.write('image', IMAGE);
    await continueAndCheck(two, uid);
  });

  test('commits nothing that a full cleanup on another host has deleted meanwhile', async () => {
    const { running, uid } = await startBackup(one);
    await expect.poll(() => one.blobs().length).toBeGreaterThan(20);
    // Neither its watch nor anything else of it runs, as in a virtual machine that is being moved.
    process.kill(running.pid, 'SIGSTOP');
    await one.endLockSessions();
    // The hosts of this test share a folder of one machine: there the writer's lock excludes a full
    // cleanup.
    const refused = { code: 100, stderr: expect.stringMatching(/Another backy2 is storing blobs in/) };
    expect(await two.run(['cleanup', '-f', '--yes-delete', '1000'])).toMatchObject(refused);
    // On a file system whose locks hosts do not share, it would delete these.
    const namedUids = async () => {
      const rows = await one.rows<{ uid: string }>("SELECT DISTINCT uid FROM blocks WHERE uid <> ''");
      return new Set(rows.map(({ uid }) => uid));
    };
    const before = await namedUids();
    const unnamed = one.blobs().filter((uid) => !before.has(uid));
    expect(unnamed.length).toBeGreaterThan(0);
    for (const blob of unnamed) one.blob(blob).remove();
    process.kill(running.pid, 'SIGCONT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(100);
    expect(stderr).toMatch(/locks between hosts/);
    const blobs = new Set(one.blobs());
    expect([...(await namedUids())].filter((blob) => !blobs.has(blob))).toEqual([]);
    await continueAndCheck(one, uid);
  });

  test('stops within a bounded time when the server no longer answers', async () => {
    const proxy = await TcpProxy.start(store.postgres.port);
    one.remove();
    one = new Host('host-one', store, { port: proxy.port });
    const { running, uid } = await startBackup(one);
    proxy.hang();
    const { code } = await running.ended;
    expect([1, 100]).toContain(code);
    proxy.resume();
    await proxy.stop();
    expect(await two.sharedVersions()).toMatchObject([{ uid, valid: 0 }]);
    two.write('image', IMAGE);
    await continueAndCheck(two, uid);
  }, 120_000);
});

describe('a server that restarts during a backup', () => {
  test.each(['fast', 'immediate'] as const)('(%s) ends a backup in order, which is then continued', async (how) => {
    const server = await PostgresServer.start({ settings: { fsync: 'on' } });
    const database = await server.createDatabase();
    const host = new Host('host-one', { ...store, postgres: server, database });
    await host.ok('initdb');
    const { running, uid } = await startBackup(host);
    await server.restart(how);
    const { code } = await running.ended;
    const [version] = await host.sharedVersions();
    // Another host may have held the lost locks for a moment, so it must never just continue.
    expect(code).toBe(100);
    expect(version).toMatchObject({ uid, valid: 0 });
    await continueAndCheck(host, uid);
    host.remove();
    await server.stop();
  });
});
