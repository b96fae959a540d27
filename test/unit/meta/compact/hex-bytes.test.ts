import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toBytes, toText } from '../../../../src/meta/compact/hex-bytes.ts';

const hex = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('hex'));

it('any text comes back, hex or not, and different texts have different bytes', () => {
  fc.assert(
    fc.property(fc.oneof(hex, fc.string(), fc.string({ unit: 'grapheme' })), fc.oneof(hex, fc.string()), (text, other) => {
      expect(toText(toBytes(text)?.toString('hex') ?? null)).toBe(text);
      expect(toBytes(text)?.equals(toBytes(other) ?? Buffer.alloc(0))).toBe(text === other);
    }),
  );
});

it.each([
  [null, null],
  ['', ''],
  ['00ff', '00ff'],
  ['00FF', `${'ff'.repeat(65)}30304646`],
  ['0', `${'ff'.repeat(65)}30`],
  ['ab'.repeat(64), 'ab'.repeat(64)],
])('%j has fixed bytes', (text, bytes) => {
  expect(toBytes(text)?.toString('hex') ?? null).toBe(bytes);
});
