import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NbdExport } from '../../../src/nbd/disk.ts';
import { COMMAND, COMMAND_FLAG, NBD_ERROR } from '../../../src/nbd/numbers.ts';
import { NbdClient } from '../../support/servers/nbd-client.ts';
import { exportOf, NbdTestServer, notingDisk } from '../../support/servers/nbd-disks.ts';

const SIZE_BYTES = 8192;
const { fua, noHole, df } = COMMAND_FLAG;

let server: NbdTestServer;
let client: NbdClient;
/** Requests that reached the disk, in order. */
let asked: unknown[];
beforeEach(() => {
  asked = [];
});
afterEach(async () => {
  client.socket.destroy();
  await server.close();
});

const disk = () => notingDisk((...call) => void asked.push(call));

async function connected(change: Partial<NbdExport> = {}): Promise<void> {
  const exported = exportOf(disk(), { sizeBytes: SIZE_BYTES, ...change });
  server = await NbdTestServer.start({ find: async () => exported });
  client = await NbdClient.open(server.path, 'x');
}

const errorOf = async (...request: Parameters<NbdClient['request']>) => (await client.request(...request)).error;

describe('a request that changes the disk', () => {
  const data = Buffer.from('data');
  const writes: [string, number, { length?: number; data?: Buffer }][] = [
    ['write', COMMAND.write, { data }],
    ['writeZeros', COMMAND.writeZeroes, { length: 4 }],
    ['trim', COMMAND.trim, { length: 4 }],
  ];

  it.each(writes)('%s: is forced when it asks for that, and only then', async (name, command, parts) => {
    await connected();
    for (const flags of [fua, 0]) expect(await errorOf(command, { ...parts, offset: 8, flags })).toBe(0);
    const what = name === 'write' ? expect.anything() : 4;
    expect(asked).toEqual([
      [name, 8, what, true],
      [name, 8, what, false],
    ]);
  });

  it.each(writes)('%s: is refused by a read-only disk', async (_, command, parts) => {
    await connected({ isReadOnly: true });
    expect(await errorOf(command, parts)).toBe(NBD_ERROR.EPERM);
    expect(asked).toEqual([]);
  });

  it.each(writes)('%s: may end with the disk, but not a byte after it', async (name, command, parts) => {
    await connected();
    const error = name === 'trim' ? NBD_ERROR.EINVAL : NBD_ERROR.ENOSPC;
    expect(await errorOf(command, { ...parts, offset: SIZE_BYTES - 4 })).toBe(0);
    expect(await errorOf(command, { ...parts, offset: SIZE_BYTES - 3 })).toBe(error);
    expect(asked).toHaveLength(1);
  });

  it.each(writes)('%s: is refused with flags that it does not allow', async (name, command, parts) => {
    await connected();
    expect(await errorOf(command, { ...parts, flags: df })).toBe(NBD_ERROR.EINVAL);
    expect(await errorOf(command, { ...parts, flags: noHole })).toBe(name === 'writeZeros' ? 0 : NBD_ERROR.EINVAL);
  });
});

it('a flush reaches the disk', async () => {
  await connected();
  expect(await errorOf(COMMAND.flush)).toBe(0);
  expect(asked).toEqual([['flush']]);
});

it.each([
  ['EIO', NBD_ERROR.EIO],
  ['ENOSPC', NBD_ERROR.ENOSPC],
])('a write that fails with %s gets that answer', async (code, answer) => {
  const write = async () => {
    throw new Error('no', { cause: Object.assign(new Error(code), { code }) });
  };
  await connected({ open: async () => ({ ...disk(), write }) });
  expect(await errorOf(COMMAND.write, { data: Buffer.from('x') })).toBe(answer);
});

it.each([true, false])('the disk learns whether the client disconnected properly: %s', async (isClean) => {
  await connected();
  if (isClean) await client.disconnect();
  else client.socket.destroy();
  await expect.poll(() => asked).toEqual([['close', isClean]]);
});
