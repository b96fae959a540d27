import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, INFO, OPTION, REPLY } from '../../src/nbd/numbers.ts';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { type Serving, startNbd, startServing, stopServing } from '../support/program/serving.ts';
import { NbdClient, text, u32 } from '../support/servers/nbd-client.ts';

const BLOCK = 4096;
const image = noise(5 * BLOCK, 'image');
const NO_INFOS = Buffer.from([0, 0]);

describe('negotiation', () => {
  let lab: Lab;
  let uids: string[];
  let server: Serving & { socket: string };
  beforeAll(async () => {
    lab = await Lab.create({ blockSize: BLOCK });
    const source = `file://${lab.write('image', image)}`;
    uids = [await lab.backup(source, 'vm'), await lab.backup(source, 'vm'), await lab.backup(source, 'ünï/x')];
    lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', uids[1] ?? '');
    server = await startNbd(lab);
  });
  afterAll(async () => {
    await stopServing(server);
    lab.remove();
  });

  /** Whether another client is still served. */
  async function isServing(): Promise<boolean> {
    const client = await NbdClient.open(server.socket, 'vm');
    const bytes = await client.read(0, image.length);
    await client.disconnect();
    return bytes.equals(image);
  }

  test('lists every version by its uid, and every image by its name', async () => {
    const client = await NbdClient.connect(server.socket);
    const replies = await client.option(OPTION.list);
    const names = replies.slice(0, -1).map(({ data }) => data.toString('utf8', 4, 4 + data.readUInt32BE(0)));
    expect(names.sort()).toEqual([...uids, 'vm', 'ünï/x'].sort());
    client.socket.destroy();
  });

  test('takes the newest valid version for a name, and an invalid one for its uid alone', async () => {
    const client = await NbdClient.connect(server.socket);
    const infos = async (name: string) => {
      const replies = await client.option(OPTION.info, Buffer.concat([text(name), Buffer.from([0, 1, 0, INFO.description])]));
      return replies.flatMap(({ data }) =>
        data.length > 2 && data.readUInt16BE(0) === INFO.description ? [data.toString('utf8', 2)] : [],
      );
    };
    const [byName] = await infos('vm');
    expect(byName).toMatch(/^vm, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(await infos(uids[0] ?? '')).toEqual([byName]);
    expect((await infos(uids[1] ?? ''))[0]).toMatch(/, invalid$/);
    client.socket.destroy();
  });

  test.each([
    ['STARTTLS', OPTION.startTls, Buffer.alloc(0), REPLY.errUnsupported],
    ['an option of another time', 77, Buffer.from('x'), REPLY.errUnsupported],
    ['an unknown export', OPTION.go, Buffer.concat([text('nothing'), NO_INFOS]), REPLY.errUnknown],
    ['the default export', OPTION.info, Buffer.concat([text(''), NO_INFOS]), REPLY.errUnknown],
    ['a name that is longer than its option', OPTION.go, u32(1000), REPLY.errInvalid],
    ['more infos than there are', OPTION.info, Buffer.concat([text('vm'), Buffer.from([0, 9])]), REPLY.errInvalid],
    ['a list with data', OPTION.list, Buffer.from('x'), REPLY.errInvalid],
    ['a context before structured replies', OPTION.setMetaContext, Buffer.concat([text('vm'), u32(0)]), REPLY.errInvalid],
    ['a million queries in four bytes', OPTION.listMetaContext, Buffer.concat([text('vm'), u32(1_000_000)]), REPLY.errInvalid],
  ])('refuses %s, and goes on', async (_, option, data, error) => {
    const client = await NbdClient.connect(server.socket);
    expect((await client.option(option, data)).at(-1)?.type).toBe(error);
    expect((await client.option(OPTION.go, Buffer.concat([text('vm'), NO_INFOS]))).at(-1)?.type).toBe(REPLY.ack);
    expect((await client.read(1, 100)).equals(image.subarray(1, 101))).toBe(true);
    await client.disconnect();
  });

  test('lists and sets base:allocation, and no other context', async () => {
    const client = await NbdClient.connect(server.socket);
    await client.option(OPTION.structuredReply);
    const contexts = async (option: number, ...queries: string[]) => {
      const replies = await client.option(option, Buffer.concat([text('vm'), u32(queries.length), ...queries.map(text)]));
      return replies.slice(0, -1).map(({ data }) => [data.readUInt32BE(0), data.toString('utf8', 4)]);
    };
    expect(await contexts(OPTION.listMetaContext)).toEqual([[0, 'base:allocation']]);
    expect(await contexts(OPTION.listMetaContext, 'base:')).toEqual([[0, 'base:allocation']]);
    expect(await contexts(OPTION.listMetaContext, 'qemu:dirty-bitmap:x')).toEqual([]);
    expect(await contexts(OPTION.setMetaContext, 'qemu:x', 'base:allocation')).toEqual([[1, 'base:allocation']]);
    client.socket.destroy();
  });

  test.each([
    [2, 10],
    [0, 134],
  ])('serves clients of old that say %i', async (flags, length) => {
    const client = await NbdClient.connect(server.socket, flags | 1);
    client.sendOption(OPTION.exportName, Buffer.from('vm'));
    const reply = await client.take(length);
    expect(Number(reply.readBigUInt64BE(0))).toBe(image.length);
    expect((await client.read(7, 9000)).equals(image.subarray(7, 9007))).toBe(true);
    await client.disconnect();
    const wrong = await NbdClient.connect(server.socket, flags | 1);
    wrong.sendOption(OPTION.exportName, Buffer.from('nothing'));
    await wrong.hungUp();
  });

  test('hangs up on a client that aborts, after saying so', async () => {
    const client = await NbdClient.connect(server.socket);
    expect((await client.option(OPTION.abort)).map(({ type }) => type)).toEqual([REPLY.ack]);
    await client.hungUp();
  });

  test.each([
    ['flags that nobody knows', 0xffff, Buffer.alloc(0)],
    ['no option', 3, Buffer.alloc(64, 0x47)],
    ['an option of 4 GiB', 3, Buffer.concat([Buffer.from('IHAVEOPT'), u32(7), u32(0xffffffff)])],
  ])('hangs up on a client that sends %s, and no other', async (_, flags, bytes) => {
    const other = await NbdClient.open(server.socket, 'vm');
    const client = await NbdClient.connect(server.socket, flags);
    client.socket.write(bytes);
    await client.hungUp();
    expect((await other.read(0, image.length)).equals(image)).toBe(true);
    await other.disconnect();
  });

  test.each([
    ['what is no request', { magic: 0x12345678 }],
    ['a write of more than 32 MiB', { length: 33 * 1024 * 1024 }],
  ])('hangs up in transmission on a client that sends %s, and no other', async (_, parts) => {
    const other = await NbdClient.open(server.socket, 'vm');
    const client = await NbdClient.open(server.socket, 'vm');
    client.sendRequest(COMMAND.write, parts);
    await client.hungUp();
    expect((await other.read(0, image.length)).equals(image)).toBe(true);
    await other.disconnect();
  });

  test('survives clients that vanish at any moment, and random bytes', async () => {
    for (let i = 0; i < 40; i++) {
      const client = i % 2 === 0 ? await NbdClient.connect(server.socket) : await NbdClient.open(server.socket, 'vm');
      client.socket.write(noise(i * 7, `garbage ${i}`));
      if (i % 3 === 0) client.socket.destroy();
      else client.socket.end();
    }
    expect(await isServing()).toBe(true);
  });

  test('a client that reads no answers keeps no other from theirs', async () => {
    const lazy = await NbdClient.open(server.socket, 'vm');
    lazy.socket.pause();
    for (let i = 0; i < 200; i++) lazy.sendRequest(COMMAND.read, { offset: 0, length: image.length });
    for (let i = 0; i < 5; i++) expect(await isServing()).toBe(true);
    lazy.socket.destroy();
  });

  test('serves a new client, however many connections are silent', async () => {
    const sockets = Array.from({ length: 40 }, () => connect(server.socket).on('error', () => {}));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.resume().once('close', () => resolve(true))));
    expect(await Promise.race(closed)).toBe(true);
    expect(await isServing()).toBe(true);
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  });
});

describe('a server', () => {
  let lab: Lab;
  let uid: string;
  beforeAll(async () => {
    lab = await Lab.create({ blockSize: BLOCK });
    uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    await lab.backup(`file://${lab.path('image')}`, 'other');
  });
  afterAll(() => lab.remove());

  test('offers only one export with --export, which is the default too', async () => {
    const server = await startNbd(lab, '--export', uid);
    const client = await NbdClient.connect(server.socket);
    expect(await client.option(OPTION.list)).toHaveLength(2);
    expect((await client.option(OPTION.info, Buffer.concat([text('other'), NO_INFOS]))).at(-1)?.type).toBe(REPLY.errUnknown);
    expect((await client.option(OPTION.info, Buffer.concat([text(uid), NO_INFOS]))).at(-1)?.type).toBe(REPLY.ack);
    expect((await client.option(OPTION.go, Buffer.concat([text(''), NO_INFOS]))).at(-1)?.type).toBe(REPLY.ack);
    expect((await client.read(0, 10)).equals(image.subarray(0, 10))).toBe(true);
    await stopServing(server);
  });

  test('listens on a port of the loopback address with --port', async () => {
    const server = await startServing(lab, 'nbd', '--port', '25470');
    expect(server.where).toBe('nbd://127.0.0.1:25470');
    const socket = connect(25470, '127.0.0.1');
    const greeting = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(greeting.toString('latin1', 0, 16)).toBe('NBDMAGICIHAVEOPT');
    const second = await lab.run(['nbd', '--port', '25470']);
    expect(second.code).toBe(100);
    expect(second.stderr).toContain('Cannot listen on 127.0.0.1 port 25470');
    expect((await stopServing(server)).code).toBe(0);
    expect(lab.log()).toContain('Every user of this host can read all served versions: NBD has no passwords. Use a unix socket');
  });

  test('refuses a socket that is in use, and a file that is not a socket', async () => {
    const server = await startNbd(lab);
    const second = await lab.run(['nbd', '--socket', server.socket]);
    expect(second.code).toBe(100);
    expect(second.stderr).toContain('Another program listens there');
    expect((await lab.run(['nbd', '--socket', lab.path('image')])).code).toBe(100);
    await stopServing(server);
  });

  test.each([
    [['--save', '--read-only'], 'exclude each other'],
    [['--socket', '/tmp/x', '--port', '1'], '--socket excludes --address and --port'],
    [['--port', 'x'], '--port takes a whole number'],
    [['--port', '70000'], '--port takes a number up to 65535'],
    [['--tls-psk', 'x', '--tls-certificates', 'y'], '--tls-certificates and --tls-psk exclude each other'],
    [['--tls-verify-peer'], '--tls-verify-peer needs --tls-certificates'],
    [['--tls-psk', ''], '--tls-psk needs a path'],
  ])('says what is wrong with %j', async (words, message) => {
    const { code, stderr } = await lab.run(['nbd', ...words]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('says so when there is nothing to serve', async () => {
    const { code, stderr } = await lab.run(['nbd', '--export', 'nothing']);
    expect(code).toBe(100);
    expect(stderr).toContain('There is no version nothing');
  });
});
