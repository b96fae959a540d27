import { expect, test } from 'vitest';
import { HashBatch } from '../../src/engine/hash-batch.ts';

/** As many lanes as AVX-512 has; the digest tells which block it is of. */
const hasher = { batch: 8, digest: (blocks: readonly Uint8Array[]) => blocks.map((block) => `${block[0]}`) };
const block = (number: number) => new Uint8Array([number]);

/** A batch that is flushed as soon as it is ready, as a worker does. */
function flushing(): HashBatch {
  const batch: HashBatch = new HashBatch(hasher, () => {
    if (batch.isReady) batch.flush();
  });
  return batch;
}

test('a block that nothing could join is hashed at once', async () => {
  expect(await flushing().add([block(1)])).toEqual(['1']);
});

test('a block waits for others that are being read, until there are four', async () => {
  const batch = new HashBatch(hasher, () => {});
  void batch.expect(new Promise(() => {}));
  const sums = [1, 2, 3].map((number) => batch.add([block(number)]));
  expect(batch.isReady).toBe(false);
  sums.push(batch.add([block(4)]));
  expect(batch.isReady).toBe(true);
  batch.flush();
  expect(await Promise.all(sums)).toEqual([['1'], ['2'], ['3'], ['4']]);
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
