import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPTION, REPLY } from '../../../src/nbd/numbers.ts';
import { loadTls } from '../../../src/nbd/tls-files.ts';
import { NbdClient, text } from '../../support/servers/nbd-client.ts';
import { exportOf, NbdTestServer, notingDisk } from '../../support/servers/nbd-disks.ts';

const KEY = '00112233445566778899aabbccddeeff';
const INFO = Buffer.concat([text('x'), Buffer.from([0, 0])]);
const NOTHING = Buffer.alloc(0);

let folder: string;
let keys: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-tls-'));
  keys = join(folder, 'keys.psk');
  writeFileSync(keys, `\nalice:${KEY}\nbob:aa:${KEY.toUpperCase()}\n`, { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a server with TLS', () => {
  let server: NbdTestServer;
  let client: NbdClient;
  let opened: number;
  beforeEach(async () => {
    opened = 0;
    const open = async () => {
      opened++;
      return notingDisk();
    };
    const find = async () => exportOf(notingDisk(), { open });
    server = await NbdTestServer.start({ find }, { tls: loadTls({ psk: keys }).options, limits: { handshakeStepMs: 1000 } });
    client = await NbdClient.connect(server.path);
  });
  afterEach(async () => {
    client.socket.destroy();
    await server.close();
  });

  const as = (identity: string, key = KEY): ConnectionOptions => ({
    pskCallback: () => ({ identity, psk: Buffer.from(key, 'hex') }),
    ciphers: 'PSK',
    maxVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
  });

  it.each(['alice', 'bob:aa'])('serves %s, who has a key', async (user) => {
    await client.startTls(as(user));
    await client.enter('x');
    expect(await client.read(0, 5000)).toEqual(Buffer.alloc(5000));
    await client.write(0, Buffer.alloc(8192));
    await client.disconnect();
    expect(opened).toBe(1);
  });

  it.each([
    ['an unknown user', as('eve')],
    ['a wrong key', as('alice', 'ff')],
  ])('refuses %s', async (_, options) => {
    await expect(client.startTls(options)).rejects.toThrow();
    await expect.poll(() => server.warnings).toEqual([expect.stringContaining('no TLS connection')]);
  });

  it.each(['list', 'info', 'go', 'structuredReply', 'setMetaContext'] as const)('answers no %s before TLS', async (name) => {
    expect((await client.option(OPTION[name], INFO))[0]?.type).toBe(REPLY.errTlsRequired);
    expect(opened).toBe(0);
  });

  it('ends the connection of old clients, which know no TLS', async () => {
    client.sendOption(OPTION.exportName, Buffer.from('x'));
    await client.hungUp();
    expect([opened, server.warnings]).toEqual([0, []]);
  });

  it('starts TLS once', async () => {
    expect((await client.option(OPTION.startTls, INFO))[0]?.type).toBe(REPLY.errInvalid);
    await client.startTls(as('alice'));
    expect((await client.option(OPTION.startTls))[0]?.type).toBe(REPLY.errInvalid);
  });

  it('takes nothing that was sent without encryption for something that was sent with it', async () => {
    client.socket.cork();
    client.sendOption(OPTION.startTls, NOTHING);
    client.sendOption(OPTION.go, INFO);
    client.socket.uncork();
    await client.hungUp();
    expect(opened).toBe(0);
    expect(server.warnings).toEqual([expect.stringContaining('without encryption')]);
  });

  it('waits for a handshake no longer than for other messages', async () => {
    const impatient = await NbdTestServer.start({}, { tls: loadTls({ psk: keys }).options, limits: { handshakeStepMs: 50 } });
    const silent = await NbdClient.connect(impatient.path);
    await silent.option(OPTION.startTls);
    await silent.hungUp();
    expect(impatient.warnings).toEqual([expect.stringContaining('did not finish the handshake')]);
    await impatient.close();
  });
});

describe('files for TLS', () => {
  it.each([
    ['alice\n', 'line 1 is not user:hexkey'],
    [`alice:${KEY}\nbob:123\n`, 'line 2 is not user:hexkey'],
    [`:${KEY}\n`, 'line 1 is not user:hexkey'],
    ['\n', 'holds no key'],
  ])('%j is no file of keys', (content, problem) => {
    writeFileSync(keys, content);
    expect(() => loadTls({ psk: keys })).toThrow(problem);
  });

  it('that others can read are warned of', () => {
    expect(loadTls({ psk: keys }).warnings).toEqual([]);
    chmodSync(keys, 0o644);
    expect(loadTls({ psk: keys }).warnings).toEqual([expect.stringContaining(`chmod o-r ${keys}`)]);
  });

  it('that are missing are named', () => {
    expect(() => loadTls({ psk: join(folder, 'none') })).toThrow(`Cannot read ${join(folder, 'none')}`);
    expect(() => loadTls({ certificates: folder, verifyPeer: false })).toThrow('server-cert.pem');
  });

  it('that are pipes or devices are refused: reading them may never end', () => {
    expect(() => loadTls({ psk: '/dev/null' })).toThrow('/dev/null is not a regular file');
  });

  it('that are no certificates are refused', () => {
    for (const name of ['server-cert.pem', 'server-key.pem']) writeFileSync(join(folder, name), 'x');
    expect(() => loadTls({ certificates: folder, verifyPeer: false })).toThrow(`Cannot use the certificates in ${folder}`);
    expect(() => loadTls({ certificates: folder, verifyPeer: true })).toThrow('ca-cert.pem');
  });
});
