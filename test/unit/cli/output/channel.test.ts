import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Channel, type ChannelCalls } from '../../../../src/cli/output/channel.ts';
import { callsFor } from '../../../../src/cli/output/channel-calls.ts';

/** A pipe with little room. Its reader takes bytes when the test says so. */
class SmallPipe implements ChannelCalls {
  hasReader = true;
  text = '';
  broken: string | undefined;
  #room: number;
  #waiting: (() => void) | undefined;

  constructor(room: number) {
    this.#room = room;
  }

  writeNow = (bytes: Uint8Array): number => {
    if (this.broken !== undefined) throw Object.assign(new Error(`${this.broken}: broken`), { code: this.broken });
    if (this.#room === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    const count = Math.min(this.#room, bytes.length);
    this.#room -= count;
    this.text += Buffer.from(bytes.subarray(0, count));
    return count;
  };

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#room === 0 && this.broken === undefined) await new Promise<void>((resolve) => (this.#waiting = resolve));
    return this.writeNow(bytes);
  }

  /** Makes room for more bytes. */
  async take(count: number): Promise<void> {
    this.#room += count;
    this.#waiting?.();
    await turns();
  }

  /** Makes room, which the one who waits has not seen yet. */
  refill(count: number): void {
    this.#room += count;
  }

  async break(code: string): Promise<void> {
    this.broken = code;
    this.#waiting?.();
    await turns();
  }
}

const turns = () => new Promise((resolve) => setImmediate(resolve));
const AT_ONCE = { idleMs: 1, afterAbortMs: 1 };

test('text that has room is written before the call returns', () => {
  const pipe = new SmallPipe(100);
  const channel = new Channel(pipe);
  expect(channel.write('uid\n')).toBe(true);
  expect(pipe.text).toBe('uid\n');
  expect(channel.room()).toBeUndefined();
});

test.each([true, false])(
  'a full pipe gets the rest in order, without a wait on this thread (non-blocking: %s)',
  async (isDirect) => {
    const pipe = new SmallPipe(3);
    const channel = new Channel(isDirect ? pipe : { hasReader: true, write: (bytes) => pipe.write(bytes), writeNow: undefined });
    channel.write('12345');
    await turns();
    pipe.refill(1);
    channel.write('678');
    await turns();
    expect(pipe.text).toBe('123');
    const room = channel.room();
    await pipe.take(3);
    expect(pipe.text).toBe('1234567');
    await pipe.take(4);
    await room;
    expect(pipe.text).toBe('12345678');
    expect(channel.room()).toBeUndefined();
    channel.write('9');
    await channel.settle(AT_ONCE);
    expect(pipe.text).toBe('123456789');
  },
);

test('a wait for the reader ends with the reason of a signal', async () => {
  const channel = new Channel(new SmallPipe(0));
  channel.write('data');
  const stop = new AbortController();
  const waited = expect(channel.room({ afterAbortMs: 1, signal: stop.signal })).rejects.toThrow('Stopped by SIGTERM.');
  stop.abort(new Error('Stopped by SIGTERM.'));
  await waited;
  await expect(channel.room({ afterAbortMs: 1, signal: stop.signal })).rejects.toThrow('Stopped by SIGTERM.');
});

test('the result of a run that a signal has ended is written, but waits for no slow reader', async () => {
  const signal = AbortSignal.abort(new Error('Stopped by SIGTERM.'));
  const pipe = new SmallPipe(0);
  const channel = new Channel(pipe);
  channel.write('result');
  const room = channel.room({ afterAbortMs: 60_000, signal });
  await pipe.take(100);
  await room;
  expect(pipe.text).toBe('result');
  const slow = new SmallPipe(0);
  const unread = new Channel(slow);
  unread.write('x'.repeat(100_000));
  const reading = setInterval(() => void slow.take(1), 1);
  await expect(unread.room({ afterAbortMs: 20, signal })).rejects.toThrow('Stopped by SIGTERM.');
  clearInterval(reading);
});

test('log lines that nobody reads are dropped, and counted once there is room', async () => {
  const pipe = new SmallPipe(0);
  const channel = new Channel(pipe);
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 1000; i++) channel.writeLine(line);
  expect(channel.takeDropped()).toBe(0);
  await pipe.take(Infinity);
  const kept = pipe.text.length / line.length;
  expect(kept).toBeGreaterThan(200);
  expect(kept).toBeLessThan(300);
  expect(channel.takeDropped()).toBe(1000 - kept);
  expect(channel.takeDropped()).toBe(0);
});

test('the end of a run waits for a slow reader, but not for one that reads nothing', async () => {
  const pipe = new SmallPipe(0);
  const channel = new Channel(pipe);
  channel.write('x'.repeat(50));
  const slow = setInterval(() => void pipe.take(1), 2);
  expect(await channel.settle({ idleMs: 500, afterAbortMs: 1 })).toBe(true);
  clearInterval(slow);
  const unread = new Channel(new SmallPipe(0));
  unread.write('x');
  expect(await unread.settle(AT_ONCE)).toBe(false);
  const stop = new AbortController();
  const settled = unread.settle({ idleMs: 60_000, afterAbortMs: 1, signal: stop.signal });
  stop.abort();
  expect(await settled).toBe(false);
});

test.each(['EPIPE', 'EIO'])('a reader that leaves (%s) ends it quietly, also in the middle of a wait', async (code) => {
  const pipe = new SmallPipe(1);
  const channel = new Channel(pipe);
  channel.write('12');
  const room = channel.room();
  await pipe.break(code);
  await room;
  expect(channel.write('3')).toBe(false);
  const other = new SmallPipe(1);
  other.broken = code;
  expect(new Channel(other).write('1')).toBe(false);
});

test('a file on a failing disk has no reader that leaves: the error is thrown', () => {
  const disk = new SmallPipe(1);
  disk.hasReader = false;
  disk.broken = 'EIO';
  expect(() => new Channel(disk).write('1')).toThrow('EIO');
});

test('a file on a disk has no reader, /dev/null and a pipe may have', () => {
  const file = openSync('/proc/self/exe', 'r');
  const device = openSync('/dev/null', 'w');
  expect(callsFor(file).hasReader).toBe(false);
  expect(callsFor(device).hasReader).toBe(true);
  for (const fd of [file, device]) closeSync(fd);
});

test('a failed write is thrown once: at once, to the one who waits, or at the next write', async () => {
  const pipe = new SmallPipe(1);
  const channel = new Channel(pipe);
  channel.write('12');
  const waited = expect(channel.room()).rejects.toThrow('ENOSPC');
  await pipe.break('ENOSPC');
  await waited;
  expect(() => channel.write('3')).toThrow('ENOSPC');
  pipe.broken = undefined;
  await pipe.take(1);
  expect(channel.write('45')).toBe(true);
  expect(pipe.text).toBe('14');
  await pipe.break('ENOSPC');
  expect(() => channel.write('6')).toThrow('ENOSPC');
  expect(channel.room()).toBeUndefined();
});
