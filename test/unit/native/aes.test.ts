import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Aes } from '../../../src/native/aes.ts';
import { fastestAes } from '../../../src/native/fastest-aes.ts';
import { nodeAes } from '../../../src/native/node-aes.ts';
import { openSslAes } from '../../../src/native/openssl-aes.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 14 and 15. */
const GCM = [
  {
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    plain: '00'.repeat(16),
    cipher: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    plain:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
    cipher:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad',
    tag: 'b094dac5d93471bdec1a502270e3cc6c',
  },
];

test('the OpenSSL of this Node can be called', () => {
  expect(openSslAes()).toBeDefined();
  expect(fastestAes()).not.toBe(nodeAes);
});

describe.each<[name: string, aes: Aes]>([
  ['OpenSSL', fastestAes()],
  ['node:crypto', nodeAes],
])('AES-256 by %s', (_, aes) => {
  it.each(GCM)('has the published result of GCM for the nonce $nonce', ({ key, nonce, plain, cipher, tag }) => {
    const bytes = hex(plain);
    expect(aes.encrypt(bytes, hex(key), hex(nonce)).toString('hex')).toBe(tag);
    expect(bytes.toString('hex')).toBe(cipher);
    expect(aes.decrypt(bytes, hex(key), { nonce: hex(nonce), tag: hex(tag) })).toBe(true);
    expect(bytes.toString('hex')).toBe(plain);
  });

  it('has the published result of single blocks (FIPS 197, C.3)', () => {
    const key = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
    const bytes = hex('00112233445566778899aabbccddeeff'.repeat(3));
    aes.encryptBlocks(bytes, key);
    expect(bytes.toString('hex')).toBe('8ea2b7ca516745bfeafc49904b496089'.repeat(3));
    aes.decryptBlocks(bytes, key);
    expect(bytes.toString('hex')).toBe('00112233445566778899aabbccddeeff'.repeat(3));
  });

  it('opens what the other one sealed, of any length and any place in memory; and no more after a flipped bit', () => {
    const other = aes === nodeAes ? fastestAes() : nodeAes;
    const lengths = fc.oneof(fc.nat(300), fc.nat(200_000), fc.constantFrom(65_535, 65_536, 65_537, 131_072));
    fc.assert(
      fc.property(lengths, fc.nat(17), fc.constantFrom(12, 16), fc.nat(), (length, start, nonceBytes, bit) => {
        const plain = randomBytes(length);
        const isShared = bit % 3 === 0;
        const room = new Uint8Array(new (isShared ? SharedArrayBuffer : ArrayBuffer)(start + length + 17)).fill(0x55);
        const bytes = room.subarray(start, start + length);
        bytes.set(plain);
        const [key, nonce] = [randomBytes(32), randomBytes(nonceBytes)];
        const tag = other.encrypt(bytes, key, nonce);
        const sealed = bytes.slice();
        expect(aes.decrypt(bytes, key, { nonce, tag })).toBe(true);
        expect(plain.equals(bytes)).toBe(true);
        // Nothing around it was touched.
        expect([...room.subarray(0, start), ...room.subarray(start + length)].every((byte) => byte === 0x55)).toBe(true);
        const flip = (part: Uint8Array) => {
          part[bit % part.length] = (part[bit % part.length] ?? 0) ^ (1 << (bit % 8));
          return part;
        };
        const opens = (change: Partial<Record<'bytes' | 'key' | 'nonce' | 'tag', Uint8Array>>) => {
          const { bytes: changed = sealed.slice(), key: k = key, nonce: n = nonce, tag: t = tag } = change;
          return aes.decrypt(changed, k, { nonce: n, tag: t });
        };
        expect(opens({ key: flip(Buffer.from(key)) })).toBe(false);
        expect(opens({ nonce: flip(Buffer.from(nonce)) })).toBe(false);
        expect(opens({ tag: flip(Buffer.from(tag)) })).toBe(false);
        if (length > 0) expect(opens({ bytes: flip(sealed.slice()) })).toBe(false);
        // A failure leaves nothing behind that harms the next call.
        expect(opens({})).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('takes no key and no tag of another length', () => {
    const [bytes, key, nonce] = [randomBytes(32), randomBytes(32), randomBytes(16)];
    expect(() => aes.encrypt(bytes, key.subarray(1), nonce)).toThrow();
    expect(() => aes.decrypt(bytes, Buffer.alloc(33), { nonce, tag: randomBytes(16) })).toThrow();
    expect(() => aes.decrypt(bytes, key, { nonce, tag: randomBytes(15) })).toThrow();
    expect(() => aes.encryptBlocks(bytes, key.subarray(16))).toThrow();
    expect(() => aes.decryptBlocks(bytes, Buffer.alloc(0))).toThrow();
  });
});
