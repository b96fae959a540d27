import { afterEach, expect, test, vi } from 'vitest';
import { HashBatch } from '../../../../src/engine/worker/hash-batch.ts';

/** As many lanes as AVX-512 has; the digest tells which block it is of. */
const hasher = { batch: 8, digest: async (blocks: readonly Uint8Array[]) => blocks.map((block) => `${block[0]}`) };
const SLOTS = 16;
const block = (number: number) => new Uint8Array([number]);

/** A batch that is flushed as soon as it is ready, as a worker does. */
function flushing(mayWait = () => false): HashBatch {
  const batch: HashBatch = new HashBatch(hasher, SLOTS, {
    onChange: () => {
      if (batch.isReady) void batch.flush('here');
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
  void batch.flush('here');
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

test('blocks that come while others are hashed wait for that, then for nothing else', async () => {
  const started: string[] = [];
  let end = () => {};
  const slow = {
    batch: 8,
    digest: async (blocks: readonly Uint8Array[]) => {
      started.push(blocks.map((bytes) => bytes[0]).join(' '));
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return blocks.map((bytes) => `${bytes[0]}`);
    },
  };
  const batch: HashBatch = new HashBatch(slow, SLOTS, {
    onChange: () => {
      if (batch.isReady) void batch.flush('here');
    },
    mayWait: () => false,
  });
  const first = batch.add([block(1)]);
  const later = Array.from({ length: 9 }, (_, index) => batch.add([block(index + 2)]));
  expect(started).toEqual(['1']);
  expect([batch.isReady, batch.isFull, batch.waiting]).toEqual([false, false, 10]);
  end();
  expect(await first).toEqual(['1']);
  expect(started).toEqual(['1', '2 3 4 5 6 7 8 9 10']);
  end();
  expect(await Promise.all(later)).toEqual(Array.from({ length: 9 }, (_, index) => [`${index + 2}`]));
  expect(batch.waiting).toBe(0);
});

test('a failure to hash rejects, and later blocks are hashed', async () => {
  let isBroken = true;
  const digest = async (blocks: readonly Uint8Array[]) => {
    if (isBroken) throw new Error('no lanes');
    return blocks.map((bytes) => `${bytes[0]}`);
  };
  const batch: HashBatch = new HashBatch({ batch: 8, digest }, SLOTS, {
    onChange: () => {
      if (batch.isReady) void batch.flush('here');
    },
    mayWait: () => false,
  });
  await expect(batch.add([block(1)])).rejects.toThrow('no lanes');
  isBroken = false;
  expect(await batch.add([block(2)])).toEqual(['2']);
});
