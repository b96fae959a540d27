import { expect, it } from 'vitest';
import { StreamWriter } from '../../../../src/core/stream/stream-writer.ts';

const MIB = 1024 * 1024;
const signal = new AbortController().signal;

/** A writer, what reached its sink, and a way to end the sink's first write. */
function newWriter() {
  const written: Uint8Array[][] = [];
  let end = (_isRead: boolean): void => {};
  const write = (pieces: readonly Uint8Array[]) => {
    written.push([...pieces]);
    return new Promise<boolean>((resolve) => {
      end = resolve;
    });
  };
  const writer = new StreamWriter({ write, finish: async () => {} }, signal);
  return { writer, written, end: (isRead: boolean) => end(isRead) };
}

it('a writer keeps bytes until they are written, and then counts them', async () => {
  const { writer, written, end } = newWriter();
  const released: string[] = [];
  writer.add(new Uint8Array(10), () => released.push('first'));
  writer.add(new Uint8Array(20), () => released.push('second'));
  const flushed = writer.flush();
  await Promise.resolve();
  expect([written.length, released, writer.writtenBytes, writer.isWriting]).toEqual([1, [], 0, true]);
  end(true);
  await flushed;
  expect([released, writer.writtenBytes, writer.isWriting]).toEqual([['first', 'second'], 30, false]);
  await writer.flush();
  expect(written.length).toBe(1);
});

it('a writer takes any number of zeros without memory of their own', async () => {
  const { writer, written, end } = newWriter();
  writer.addZeros(8 * MIB + 1);
  expect(writer.isDue).toBe(true);
  const flushed = writer.flush();
  end(true);
  await flushed;
  const pieces = written.flat();
  expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(1);
  expect(pieces.every((piece) => piece.length <= MIB && piece.every((byte) => byte === 0))).toBe(true);
  expect(writer.writtenBytes).toBe(8 * MIB + 1);
});

it('a writer whose reader is gone writes no more', async () => {
  const { writer, written, end } = newWriter();
  writer.addZeros(5);
  const flushed = writer.flush();
  end(false);
  await flushed;
  expect([writer.isReaderGone, writer.writtenBytes]).toEqual([true, 0]);
  writer.addZeros(5);
  await writer.flush();
  expect(written.length).toBe(1);
});
