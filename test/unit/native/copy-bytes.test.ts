import { expect, test } from 'vitest';
import { copyBytes } from '../../../src/native/copy-bytes.ts';
import { noise } from '../../support/images/random.ts';

test.each([0, 1, 4096, 4097, 100_000])('copies %i bytes, shared or not, to the start of the target and no further', (length) => {
  const bytes = noise(length, 'bytes');
  const shared = new Uint8Array(new SharedArrayBuffer(length + 7)).subarray(7);
  shared.set(bytes);
  for (const from of [bytes, shared]) {
    const room = Buffer.alloc(length + 20, 0xee);
    copyBytes(room.subarray(3), from);
    expect(Buffer.compare(room, Buffer.concat([Buffer.alloc(3, 0xee), bytes, Buffer.alloc(17, 0xee)]))).toBe(0);
  }
});

test('refuses what would not fit', () => {
  const from = new Uint8Array(new SharedArrayBuffer(5000));
  expect(() => copyBytes(new Uint8Array(4999), from)).toThrow('5000 bytes do not fit 4999');
});
