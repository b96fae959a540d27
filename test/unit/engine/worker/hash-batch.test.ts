import { afterEach, expect, test, vi } from 'vitest';
import { HashBatch } from '../../../../src/engine/worker/hash-batch.ts';

/** As many lanes as AVX-512 has; the digest tells which block it is of. */
const hasher = { batch: 8, digest: (blocks: readonly Uint8Array[]) => blocks.map((block) => `${block[0]}`) };
const SLOTS = 16;
const block = (number: number) => new Uint8Array([number]);

/** A batch that is flushed as soon as it is ready, as a worker does. */
function flushing(mayWait = () => false): HashBatch {
  const batch: HashBatch = new HashBatch(hasher, SLOTS, {
    onChange: () => {
      if (batch.isReady) batch.flush();
    },
    mayWait,
  });
  return batch;
}

afterEach(() => {
  vi.useRealTimers();
});

test('a block that nothing could join is hashed at once', async () => {
  expect(await flushing().add([block(1)])).toEqual(['1']);
});

test.each([
  { slots: 6, enough: 4 },
  { slots: 12, enough: 6 },
  { slots: 16, enough: 8 },
  { slots: 100, enough: 8 },
])('a block waits for others that are being read, until $slots slots hold $enough', async ({ slots, enough }) => {
  const batch = new HashBatch(hasher, slots, { onChange: () => {}, mayWait: () => false });
  void batch.expect(new Promise(() => {}));
  const numbers = Array.from({ length: enough }, (_, index) => index);
  const sums = numbers.slice(1).map((number) => batch.add([block(number)]));
  expect(batch.isReady).toBe(false);
  sums.push(batch.add([block(0)]));
  expect(batch.isReady).toBe(true);
  batch.flush();
  expect(await Promise.all(sums)).toEqual([...numbers.slice(1), 0].map((number) => [`${number}`]));
});

test('a read that fails is waited for no longer', async () => {
  const batch = flushing();
  let fail = (_: Error) => {};
  const expected = batch.expect(
    new Promise((_, reject) => {
      fail = reject;
    }),
  );
  const sum = batch.add([block(1)]);
  fail(new Error('EIO'));
  await expect(expected).rejects.toThrow('EIO');
  expect(await sum).toEqual(['1']);
});

test('a read that hangs keeps nobody waiting', async () => {
  const batch = flushing();
  void batch.expect(new Promise(() => {}));
  expect(await batch.add([block(1)])).toEqual(['1']);
});

test('a block waits longer where that keeps nothing up, but not for ever', async () => {
  vi.useFakeTimers();
  let hasRoom = true;
  const batch = flushing(() => hasRoom);
  void batch.expect(new Promise(() => {}));
  const sums: string[] = [];
  const add = (number: number) => void batch.add([block(number)]).then((done) => sums.push(...done));
  add(1);
  await vi.advanceTimersByTimeAsync(249);
  expect(sums).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sums).toEqual(['1']);
  add(2);
  await vi.advanceTimersByTimeAsync(100);
  expect(sums).toEqual(['1']);
  hasRoom = false;
  await vi.advanceTimersByTimeAsync(50);
  expect(sums).toEqual(['1', '2']);
});
