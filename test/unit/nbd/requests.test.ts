import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import { serveConnection } from '../../../src/nbd/connection.ts';
import type { NbdDisk, NbdExport } from '../../../src/nbd/disk.ts';
import { COMMAND, COMMAND_FLAG, NBD_ERROR } from '../../../src/nbd/numbers.ts';
import { NbdClient } from '../../support/servers/nbd-client.ts';

const SIZE_BYTES = 8192;
const { fua, noHole, df } = COMMAND_FLAG;

let folder: string;
let server: Server;
let client: NbdClient;
/** Requests that reached the disk, in order. */
let asked: unknown[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-nbd-'));
  asked = [];
});
afterEach(async () => {
  client.socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** A disk that records its requests. */
function notingDisk(): NbdDisk {
  const note = (...call: unknown[]) => {
    asked.push(call);
  };
  return {
    read: async (offset, length, take) => take({ kind: 'zeros', offset, length }),
    write: async (offset, bytes, isForced) => note('write', offset, bytes.toString(), isForced),
    writeZeros: async (offset, length, isForced) => note('writeZeros', offset, length, isForced),
    trim: async (offset, length, isForced) => note('trim', offset, length, isForced),
    flush: async () => note('flush'),
    cache: async (offset, length) => note('cache', offset, length),
    extents: async (_, length) => [{ length, isZero: true }],
    close: async (isClean) => note('close', isClean),
  };
}

async function connected(change: Partial<NbdExport> = {}): Promise<void> {
  const only = { sizeBytes: SIZE_BYTES, isReadOnly: false, description: '', preferredBytes: 4096 };
  const exported: NbdExport = { ...only, open: async () => notingDisk(), ...change };
  const path = join(folder, 'socket');
  const exports = { list: async () => [], find: async () => exported };
  server = createServer((socket) => void serveConnection(socket, exports, silentLogger));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  client = await NbdClient.open(path, 'x');
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
  await connected({ open: async () => ({ ...notingDisk(), write }) });
  expect(await errorOf(COMMAND.write, { data: Buffer.from('x') })).toBe(answer);
});

it.each([true, false])('the disk learns whether the client disconnected properly: %s', async (isClean) => {
  await connected();
  if (isClean) await client.disconnect();
  else client.socket.destroy();
  await expect.poll(() => asked).toEqual([['close', isClean]]);
});
