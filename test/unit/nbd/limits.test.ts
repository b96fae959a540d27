import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { NbdExports } from '../../../src/nbd/disk.ts';
import type { NbdLimits } from '../../../src/nbd/limits.ts';
import { COMMAND, COMMAND_FLAG, OPTION, REPLY } from '../../../src/nbd/numbers.ts';
import { NbdClient, text, u32 } from '../../support/servers/nbd-client.ts';
import { exportOf, NbdTestServer, notingDisk } from '../../support/servers/nbd-disks.ts';

const KIB = 1024;
const infoOf = (name: string) => Buffer.concat([text(name), Buffer.from([0, 0])]);
const INFO = infoOf('x');
/** More than a unix socket buffers: 5 MB. */
const MANY = Array.from({ length: 50_000 }, (_, i) => ({ name: `${i} ${'x'.repeat(60)}`, description: '' }));
/** Time for a step of a handshake: longer than a busy machine may stop this process. */
const STEP_MS = 500;

let server: NbdTestServer;
let sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await server.close();
});

async function serve(limits: Partial<NbdLimits>, exports: Partial<NbdExports> = {}): Promise<void> {
  server = await NbdTestServer.start(exports, { limits });
}

/** A connection that sends nothing. Tells when it was closed. */
async function silent(): Promise<{ closed: Promise<unknown>; isClosed(): boolean }> {
  const socket = connect(server.path).on('error', () => {});
  sockets.push(socket);
  await new Promise((resolve) => socket.once('data', resolve));
  return { closed: new Promise((resolve) => socket.once('close', resolve)), isClosed: () => socket.destroyed };
}

async function opened(): Promise<NbdClient> {
  const client = await NbdClient.open(server.path, 'x');
  sockets.push(client.socket);
  return client;
}

async function greeted(): Promise<NbdClient> {
  const client = await NbdClient.connect(server.path);
  sockets.push(client.socket);
  return client;
}

const reads = async (client: NbdClient) => (await client.read(0, 10)).length === 10;

describe('connections that open no export', () => {
  it('lose their places to new ones, the one that was quiet longest first', async () => {
    await serve({ handshakes: 3 });
    const active = await greeted();
    const first = await silent();
    const second = await silent();
    await active.option(OPTION.info, INFO);
    const client = await opened();
    await first.closed;
    await silent();
    expect(second.isClosed()).toBe(false);
    await silent();
    await second.closed;
    expect(await active.option(OPTION.info, INFO)).not.toEqual([]);
    expect(await reads(client)).toBe(true);
    expect(server.warnings).toEqual([expect.stringContaining('Too many connections that open no export')]);
  });

  it('are ended when they send no message in time, counted from the last one', async () => {
    await serve({ handshakeStepMs: STEP_MS });
    const quiet = await silent();
    const active = await greeted();
    const began = performance.now();
    while (performance.now() < began + 1.8 * STEP_MS) {
      await active.option(OPTION.info, INFO);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(quiet.isClosed()).toBe(true);
    active.socket.write(Buffer.from('IHAVE'));
    await active.hungUp();
    expect(server.warnings[0]).toContain('sent no whole message');
  });

  it('may send many options for each export that was listed, and few others', async () => {
    await serve({ options: 3, optionsPerExport: 2, lists: 2 }, { list: async () => MANY.slice(0, 4) });
    const curious = await greeted();
    await curious.option(OPTION.list);
    for (let i = 0; i < 10; i++) await curious.option(OPTION.info, INFO);
    await expect(curious.option(OPTION.info, INFO)).rejects.toThrow('hung up');
    const forgetful = await greeted();
    for (let i = 0; i < 2; i++) await forgetful.option(OPTION.list);
    await expect(forgetful.option(OPTION.list)).rejects.toThrow('hung up');
    expect(server.warnings).toEqual([
      expect.stringContaining('more than 11 options'),
      expect.stringContaining('more than 2 times'),
    ]);
  });
});

it('several questions about an export are one look-up, but it is looked up again when it is opened', async () => {
  let found = 0;
  const find = async () => {
    found++;
    return exportOf(notingDisk());
  };
  await serve({}, { find });
  const client = await greeted();
  const contexts = Buffer.concat([text('x'), u32(0)]);
  for (const data of [contexts, contexts])
    expect((await client.option(OPTION.listMetaContext, data)).at(-1)?.type).toBe(REPLY.ack);
  expect((await client.option(OPTION.info, INFO)).at(-1)?.type).toBe(REPLY.ack);
  expect(found).toBe(1);
  await client.option(OPTION.info, infoOf('y'));
  expect(found).toBe(2);
  await client.option(OPTION.go, infoOf('y'));
  expect(found).toBe(3);
});

describe('a client that sends many options at once', () => {
  it('lets others have their turns', async () => {
    let found = 0;
    const find: NbdExports['find'] = async (name) => {
      if (name !== 'y') found++;
      return exportOf(notingDisk());
    };
    await serve({}, { find });
    const [busy, other] = [await greeted(), await greeted()];
    busy.socket.cork();
    for (let i = 0; i < 500; i++) busy.sendOption(OPTION.info, infoOf(`${i}`));
    busy.socket.uncork();
    await other.option(OPTION.info, infoOf('y'));
    expect(found).toBeLessThan(400);
    await expect.poll(() => found).toBe(500);
  });

  it('and reads no answer gets none, and is ended', async () => {
    let lists = 0;
    const list: NbdExports['list'] = async () => {
      lists++;
      return MANY;
    };
    await serve({ handshakeStepMs: STEP_MS }, { list });
    const lazy = await greeted();
    lazy.socket.pause();
    for (let i = 0; i < 10; i++) lazy.sendOption(OPTION.list, Buffer.alloc(0));
    await expect.poll(() => server.warnings).toEqual([expect.stringContaining('read no answer')]);
    expect(lists).toBe(1);
    expect(await reads(await opened())).toBe(true);
    const another = await greeted();
    another.socket.pause();
    for (let i = 0; i < 10; i++) another.sendOption(OPTION.list, Buffer.alloc(0));
    await expect.poll(() => lists).toBe(2);
    await server.close();
    expect(lists).toBe(2);
  });
});

describe('clients that have opened an export', () => {
  it('keep their places, and one too many gets an error', async () => {
    await serve({ clients: 1, handshakes: 2 });
    const client = await opened();
    const late = await greeted();
    const [refusal] = await late.option(OPTION.go, INFO);
    expect([refusal?.type, refusal?.data.toString()]).toEqual([REPLY.errPolicy, 'No place for another client: the limit is 1.']);
    for (let i = 0; i < 3; i++) await silent();
    await late.hungUp();
    expect(await reads(client)).toBe(true);
    await client.disconnect();
    await expect.poll(async () => reads(await opened()).catch(() => false)).toBe(true);
  });

  it('lose nothing when an export could not be opened', async () => {
    let isBroken = true;
    const open = async () => {
      if (isBroken) throw new Error('broken');
      return notingDisk();
    };
    await serve({ clients: 1 }, { find: async () => exportOf(notingDisk(), { open }) });
    const client = await greeted();
    expect((await client.option(OPTION.go, INFO))[0]?.data.toString()).toBe('broken');
    isBroken = false;
    expect((await client.option(OPTION.go, INFO)).at(-1)?.type).toBe(REPLY.ack);
  });
});

describe('half a request', () => {
  const halfWrite = (client: NbdClient, length: number, sent: number) =>
    client.sendRequest(COMMAND.write, { length, data: Buffer.alloc(sent) });

  it('ends the connection after a pause, but a pause between requests does not', async () => {
    await serve({ pauseMs: 60, contendedPauseMs: 60 });
    const [idle, head, data] = [await opened(), await opened(), await opened()];
    head.socket.write(Buffer.alloc(20));
    halfWrite(data, 100, 50);
    await Promise.all([head.hungUp(), data.hungUp()]);
    expect(server.warnings).toHaveLength(2);
    expect(server.warnings[0]).toContain('sent half a request');
    expect(await reads(idle)).toBe(true);
  });

  it('ends it also when the rest comes byte by byte, however long it is', async () => {
    await serve({ pauseMs: 60, contendedPauseMs: 60, minBytesPerSecond: 10_000 });
    const client = await opened();
    halfWrite(client, 1_000_000, 1);
    const drip = setInterval(() => client.socket.write('x'), 20);
    await client.hungUp();
    clearInterval(drip);
    expect(server.warnings).toHaveLength(1);
  });

  it('shares its memory with those of all clients, and gives it to one that waits', async () => {
    const written: unknown[] = [];
    const disk = notingDisk((what) => written.push(what));
    const limits = { writeBytes: 64 * KIB, pauseMs: 60_000, contendedPauseMs: 60 };
    await serve(limits, { find: async () => exportOf(disk, { sizeBytes: 1024 * KIB }) });
    const bad = [await opened(), await opened(), await opened()];
    for (const client of bad) halfWrite(client, 32 * KIB, KIB);
    const good = await opened();
    await good.write(0, Buffer.alloc(64 * KIB));
    expect(written.filter((what) => what === 'write')).toHaveLength(1);
    expect(server.warnings.length).toBeGreaterThanOrEqual(2);
    expect(await reads(good)).toBe(true);
  });
});

it('a client that reads no reply holds no memory for writes', async () => {
  await serve({ writeBytes: 64 * KIB }, { find: async () => exportOf(notingDisk(), { sizeBytes: 2 ** 30 }) });
  const lazy = await opened();
  lazy.socket.pause();
  // More than a socket buffers, so that the replies to writes after it stay here.
  lazy.sendRequest(COMMAND.read, { length: 4 * 1024 * KIB, flags: COMMAND_FLAG.df });
  for (let i = 0; i < 3; i++) lazy.sendRequest(COMMAND.write, { data: Buffer.alloc(64 * KIB) });
  for (let i = 0; i < 3; i++) await (await opened()).write(0, Buffer.alloc(64 * KIB));
});

it('data of one client beyond the shared limit leaves others one request at a time', async () => {
  let running = 0;
  let most = 0;
  const held: (() => void)[] = [];
  const read = async (offset: number, length: number, take: Parameters<ReturnType<typeof notingDisk>['read']>[2]) => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => held.push(resolve));
    running--;
    take({ kind: 'zeros', offset, length });
  };
  await serve({ sharedBytes: 8 * KIB }, { find: async () => exportOf({ ...notingDisk(), read }) });
  const [first, second] = [await opened(), await opened()];
  for (let i = 0; i < 4; i++) first.sendRequest(COMMAND.read, { length: 4 * KIB });
  await expect.poll(() => held.length).toBe(2);
  for (let i = 0; i < 4; i++) second.sendRequest(COMMAND.read, { length: 4 * KIB });
  await expect.poll(() => held.length).toBe(3);
  while (held.length > 0 || running > 0) {
    held.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(most).toBe(3);
});
