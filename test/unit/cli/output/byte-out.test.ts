import { closeSync, constants, openSync, read as readCallback, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ByteOut } from '../../../../src/cli/output/byte-out.ts';
import { newAborter } from '../../../../src/model/aborter.ts';
import { libc } from '../../../../src/native/libc.ts';
import { noise } from '../../../support/images/random.ts';

const read = promisify(readCallback);

const F_SETFL = 4;
/** More than a pipe holds. */
const bytes = noise(3 * 1024 * 1024, 'pipe');
const never = new AbortController().signal;

/** The ends of a pipe that are still open. */
let ends: number[];
let readEnd: number;
let writeEnd: number;
beforeEach(() => {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const pair = new Int32Array(2);
  koffi.load('libc.so.6').func('int pipe(_Out_ int32_t *ends)')(pair);
  ends = [...pair];
  [readEnd = -1, writeEnd = -1] = ends;
});
afterEach(() => {
  for (const fd of ends) closeSync(fd);
});

function close(fd: number): void {
  closeSync(fd);
  ends = ends.filter((end) => end !== fd);
}

/** Reads the pipe to its end. */
async function readAll(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    const { bytesRead, buffer } = await read(readEnd, Buffer.alloc(100_000), 0, 100_000, null);
    if (bytesRead === 0) return Buffer.concat(pieces);
    pieces.push(buffer.subarray(0, bytesRead));
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The same bytes in memory that threads share, in pieces of any length. */
function pieces(): Uint8Array[] {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const cuts = [0, 1, 1, 4096, 5000, 70_000, 2_000_000, bytes.length];
  return cuts.slice(1).map((end, at) => shared.subarray(cuts[at], end));
}

describe('a pipe', () => {
  test('gets all pieces in order', async () => {
    const written = new ByteOut(writeEnd).write(pieces(), never).finally(() => close(writeEnd));
    expect((await readAll()).equals(bytes)).toBe(true);
    expect(await written).toBe(true);
  });

  test('that others made non-blocking gets them too', async () => {
    expect(libc().fcntlFlags(writeEnd, F_SETFL, constants.O_NONBLOCK)).toBe(0);
    const written = new ByteOut(writeEnd).write(pieces(), never).finally(() => close(writeEnd));
    expect((await readAll()).equals(bytes)).toBe(true);
    expect(await written).toBe(true);
  });

  test('without a reader takes nothing, also if the reader goes in the middle', async () => {
    const written = new ByteOut(writeEnd).write(pieces(), never);
    await turn();
    close(readEnd);
    expect(await written).toBe(false);
    expect(await new ByteOut(writeEnd).write([bytes], never)).toBe(false);
  });

  test('whose reader does not read is given up at an abort', async () => {
    const aborter = newAborter();
    const written = new ByteOut(writeEnd).write(pieces(), aborter.signal);
    await turn();
    aborter.abort(new Error('stop'));
    await expect(written).rejects.toThrow('stop');
    // Ends the thread that waits.
    close(readEnd);
  });

  test('needs no sync', async () => {
    await new ByteOut(writeEnd).finish(never);
  });
});

test('a file gets all bytes', async () => {
  const path = join(tmpdir(), `backy2-bytes-${process.pid}`);
  const fd = openSync(path, 'w');
  ends.push(fd);
  const out = new ByteOut(fd);
  expect(await out.write(pieces(), never)).toBe(true);
  await out.finish(never);
  expect(readFileSync(path).equals(bytes)).toBe(true);
  rmSync(path);
});

test('a full disk is an error that names stdout', async () => {
  const fd = openSync('/dev/full', 'w');
  ends.push(fd);
  const error = { code: 'io', message: expect.stringMatching(/^Cannot write to stdout: ENOSPC/) };
  await expect(new ByteOut(fd).write([bytes], never)).rejects.toMatchObject(error);
});
