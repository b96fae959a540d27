import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { withLab } from '../support/labs/lab.ts';
import { startNbd, stopServing } from '../support/program/serving.ts';
import { NbdClient } from '../support/servers/nbd-client.ts';

const MIB = 1024 ** 2;
const BLOCK = 4 * MIB;
const READERS = 4;
/** Together twice the size of the cache. */
const PIECE = 128 * MIB;

test('four clients that read an image in pieces fetch each block about once', async () => {
  await withLab({ blockSize: BLOCK }, async (lab) => {
    const source = openSync(lab.path('image'), 'w');
    const content = noise(BLOCK, 'block');
    for (let offset = 0; offset < READERS * PIECE; offset += BLOCK) {
      content.writeUInt32LE(offset / BLOCK);
      writeSync(source, content, 0, BLOCK, offset);
    }
    closeSync(source);
    await lab.backup(`file://${lab.path('image')}`, 'vm');
    const server = await startNbd(lab);
    const before = bytesReadBy(server.running.pid);
    const read = async (piece: number) => {
      const client = await NbdClient.open(server.socket, 'vm');
      for (let offset = piece * PIECE; offset < (piece + 1) * PIECE; offset += MIB) {
        const bytes = await client.read(offset, MIB);
        if (offset % BLOCK === 0) expect(bytes.readUInt32LE()).toBe(offset / BLOCK);
      }
      await client.disconnect();
    };
    await Promise.all(Array.from({ length: READERS }, (_, piece) => read(piece)));
    // Includes sockets and repeated reads.
    expect((bytesReadBy(server.running.pid) - before) / (READERS * PIECE)).toBeLessThan(1.25);
    await stopServing(server);
  });
}, 120_000);

/** Bytes that a process has read so far, from disk or memory. */
function bytesReadBy(pid: number): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
