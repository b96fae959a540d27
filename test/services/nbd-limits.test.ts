import { mkdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { COMMAND, NBD_ERROR } from '../../src/nbd/numbers.ts';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256OfFile } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import { withTmpfs } from '../support/labs/mounted.ts';
import { tool } from '../support/program/process.ts';
import { startNbd, stopServing } from '../support/program/serving.ts';
import { NbdClient } from '../support/servers/nbd-client.ts';

const MIB = 1024 * 1024;

let lab: Lab;
afterEach(() => lab.remove());

/** Different bytes everywhere, made quickly. */
function imageOf(sizeBytes: number): Buffer {
  const piece = noise(MIB, 'piece');
  const image = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += MIB) {
    piece.copy(image, at);
    image.writeUInt32BE(at / MIB, at);
  }
  return image;
}

describe.each([
  ['blocks of which the cache holds four', 64 * MIB, 320 * MIB],
  ['more blocks than the cache holds', 4 * MIB, 288 * MIB],
])('%s', (_, blockSize, sizeBytes) => {
  test('are read correctly by several copying and several random readers at once, and by one that reads no answers', async () => {
    lab = await Lab.create({ blockSize });
    const image = imageOf(sizeBytes);
    const source = lab.write('image', image);
    const uid = await lab.backup(`file://${source}`, 'vm');
    const server = await startNbd(lab);
    const uri = `nbd+unix:///${uid}?socket=${server.socket}`;
    const lazy = await NbdClient.open(server.socket, uid);
    lazy.socket.pause();
    for (let i = 0; i < 100; i++) lazy.sendRequest(COMMAND.read, { offset: i * MIB, length: MIB });
    const copies = [1, 2].map(async (i) => {
      await tool('nbdcopy', '--connections=4', uri, lab.path(`copy-${i}`));
      return sha256OfFile(lab.path(`copy-${i}`));
    });
    const seed = runSeed();
    const random = seededRandom(seed);
    const readers = [1, 2, 3].map(async () => {
      const client = await NbdClient.open(server.socket, uid);
      for (let i = 0; i < 30; i++) {
        const length = 1 + Math.floor(random() * 5 * MIB);
        const offset = Math.floor(random() * (sizeBytes - length));
        const bytes = await client.read(offset, length);
        expect(bytes.equals(image.subarray(offset, offset + length)), `seed ${seed}: ${length} at ${offset}`).toBe(true);
      }
      await client.disconnect();
    });
    const sum = sha256OfFile(source);
    expect(await Promise.all(copies)).toEqual([sum, sum]);
    await Promise.all(readers);
    lazy.socket.destroy();
    expect((await stopServing(server)).code).toBe(0);
  }, 120_000);
});

test('a full cachedir is "no space left" for writers, and does not affect readers', async () => {
  lab = await Lab.create({ blockSize: 65536 });
  const image = imageOf(8 * MIB);
  const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  const cache = lab.path('cache');
  mkdirSync(cache);
  await withTmpfs(cache, '1m', async () => {
    lab.configure({ DEFAULTS: { cachedir: cache } });
    const server = await startNbd(lab);
    const client = await NbdClient.open(server.socket, uid);
    const errors = new Set<number>();
    for (let offset = 5; offset + 10 < image.length; offset += 65536) {
      const { error } = await client.request(COMMAND.write, { offset, data: Buffer.alloc(10, 7) });
      errors.add(error);
      if (error === 0) image.fill(7, offset, offset + 10);
    }
    expect([...errors].sort()).toEqual([0, NBD_ERROR.ENOSPC]);
    expect((await client.read(0, image.length)).equals(image)).toBe(true);
    await client.disconnect();
    expect((await stopServing(server)).stderr).toContain('no space left on device');
  });
}, 120_000);
