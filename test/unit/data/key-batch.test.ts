import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyBatch } from '../../../src/data/codec/key-batch.ts';
import { unwrapKey, wrapKey } from '../../../src/data/codec/key-wrap.ts';

const keysOf = (count: number) => Array.from({ length: count }, () => randomBytes(32));

describe('many data keys at once', () => {
  it('are wrapped and unwrapped as one by one, by OpenSSL', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), (count) => {
        const [master, keys] = [randomBytes(32), keysOf(count)];
        const batch = new KeyBatch(master);
        const wrapped = batch.wrap(Buffer.concat(keys));
        expect(wrapped.toString('hex')).toBe(keys.map((key) => wrapKey(master, key)).join(''));
        expect(batch.unwrap(wrapped)).toEqual({ keys: Buffer.concat(keys), misfits: [] });
      }),
      { numRuns: 20 },
    );
  });

  it('give the vector of RFC 3394 §4.6', () => {
    const key = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i));
    const data = Buffer.concat([Buffer.from('00112233445566778899aabbccddeeff', 'hex'), key(16)]);
    const wrapped = '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21';
    expect(new KeyBatch(key(32)).wrap(data).toString('hex')).toBe(wrapped);
  });

  it('name those that are damaged in any bit', () => {
    const [master, keys] = [randomBytes(32), keysOf(320)];
    const wrapped = new KeyBatch(master).wrap(Buffer.concat(keys));
    for (let bit = 0; bit < 320; bit++) {
      const at = bit * 40 + Math.floor(bit / 8);
      wrapped[at] = (wrapped[at] ?? 0) ^ (1 << (bit % 8));
    }
    expect(new KeyBatch(master).unwrap(wrapped).misfits).toHaveLength(320);
    expect(unwrapKey(master, wrapped.subarray(0, 40).toString('hex'))).toBeUndefined();
  });

  it('name those of another master key', () => {
    const [one, other] = [new KeyBatch(randomBytes(32)), new KeyBatch(randomBytes(32))];
    const wrapped = Buffer.concat([one.wrap(randomBytes(64)), other.wrap(randomBytes(32)), one.wrap(randomBytes(32))]);
    expect(one.unwrap(wrapped).misfits).toEqual([2]);
    expect(other.unwrap(wrapped).misfits).toEqual([0, 1, 3]);
  });
});
