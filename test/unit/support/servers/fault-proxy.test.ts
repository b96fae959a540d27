import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../../../support/images/random.ts';
import { type Fault, FaultProxy, firstRequests } from '../../../support/servers/fault-proxy.ts';
import { TcpProxy } from '../../../support/servers/tcp-proxy.ts';

const BODY = noise(300_000, 'body');

describe('a proxy of HTTP faults', () => {
  /** Stores each PUT, for later GETs. */
  let stored: Map<string, Buffer>;
  let server: Server;
  let proxy: FaultProxy;
  beforeEach(async () => {
    stored = new Map();
    server = createServer(async (request, response) => {
      const body = await buffer(request);
      const path = request.url ?? '';
      if (request.method === 'PUT') stored.set(path, body);
      const answer = request.method === 'PUT' ? Buffer.from(request.headers.host ?? '') : (stored.get(path) ?? Buffer.alloc(0));
      response.writeHead(200, { 'content-length': answer.length }).end(answer);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.start((server.address() as AddressInfo).port);
  });
  afterEach(async () => {
    await proxy.stop();
    server.closeAllConnections();
    server.close();
  });

  const put = (signal = AbortSignal.timeout(20_000)) =>
    fetch(`${proxy.endpoint}/a`, { method: 'PUT', body: new Uint8Array(BODY), signal });
  const get = () => fetch(`${proxy.endpoint}/a`);
  const once_ = (fault: Fault) => firstRequests(1, () => true, fault);

  test('passes requests and answers unchanged, with the host that the client named', async () => {
    expect(await (await put()).text()).toBe(`127.0.0.1:${proxy.port}`);
    expect(stored.get('/a')?.equals(BODY)).toBe(true);
    expect(Buffer.from(await (await get()).arrayBuffer()).equals(BODY)).toBe(true);
    expect(proxy.requests).toEqual([
      { method: 'PUT', path: '/a', number: 0, status: 200 },
      { method: 'GET', path: '/a', number: 1, status: 200 },
    ]);
  });

  test('resets a connection before the server has received anything, or after it has stored', async () => {
    proxy.decide = once_({ kind: 'resetBefore' });
    await expect(put()).rejects.toThrow();
    expect(stored.size).toBe(0);
    proxy.decide = once_({ kind: 'resetAfter' });
    await expect(put()).rejects.toThrow();
    expect(stored.get('/a')?.equals(BODY)).toBe(true);
    expect((await put()).status).toBe(200);
  });

  test('answers with an error that the server does not know of, as often as requested', async () => {
    proxy.decide = firstRequests(2, ({ method }) => method === 'PUT', { kind: 'status', status: 503, code: 'SlowDown' });
    const first = await put();
    expect([first.status, (await first.text()).includes('<Code>SlowDown</Code>')]).toEqual([503, true]);
    expect((await get()).status).toBe(200);
    expect((await put()).status).toBe(503);
    expect(stored.size).toBe(0);
    expect((await put()).status).toBe(200);
  });

  test('cuts a body half way, under the headers of the whole', async () => {
    await put();
    proxy.decide = once_({ kind: 'cutBody' });
    const answer = await get();
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(BODY.length)]);
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });

  test('lets a request hang, with or without the server having done it', async () => {
    proxy.decide = once_({ kind: 'hang' });
    await expect(put(AbortSignal.timeout(300))).rejects.toThrow(/timeout/);
    expect(stored.size).toBe(0);
    proxy.decide = once_({ kind: 'hang', reaches: true });
    await expect(put(AbortSignal.timeout(1000))).rejects.toThrow(/timeout/);
    expect(stored.size).toBe(1);
  });

  test('adds latency to each request separately', async () => {
    proxy.latencyMs = 300;
    const start = performance.now();
    await Promise.all(Array.from({ length: 10 }, () => get()));
    const elapsedMs = performance.now() - start;
    expect(elapsedMs).toBeGreaterThan(299);
    expect(proxy.maxInFlight).toBe(10);
  });

  test('limits the bandwidth of all bodies together', async () => {
    proxy.bytesPerSecond = 1_000_000;
    const start = performance.now();
    await Promise.all([put(), put()]);
    expect(performance.now() - start).toBeGreaterThan(550);
  });
});

describe('a proxy of TCP faults', () => {
  let server: TcpServer;
  let proxy: TcpProxy;
  beforeEach(async () => {
    server = createTcpServer((socket) => socket.on('error', () => {}).pipe(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await TcpProxy.start((server.address() as AddressInfo).port);
  });
  afterEach(async () => {
    await proxy.stop();
    server.close();
  });

  const open = () => {
    const socket = connect(proxy.port, '127.0.0.1');
    const said: Buffer[] = [];
    const failures: string[] = [];
    socket.on('data', (chunk) => said.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => failures.push(error.code ?? ''));
    return { socket, said: () => Buffer.concat(said).toString(), failures: () => failures };
  };

  test('passes data, hangs silently, and continues where it was', async () => {
    const { socket, said } = open();
    socket.write('one');
    await expect.poll(said).toBe('one');
    proxy.hang();
    socket.write('two');
    await sleep(200);
    expect(said()).toBe('one');
    proxy.resume();
    await expect.poll(said).toBe('onetwo');
  });

  test('cuts all connections, and refuses new ones', async () => {
    const first = open();
    first.socket.write('one');
    await expect.poll(first.said).toBe('one');
    proxy.refusing = true;
    proxy.cut();
    await expect.poll(first.failures).toEqual(['ECONNRESET']);
    await expect.poll(open().failures).toEqual(['ECONNRESET']);
    proxy.refusing = false;
    const last = open();
    last.socket.write('again');
    await expect.poll(last.said).toBe('again');
    expect(proxy.connections).toBe(1);
  });
});
