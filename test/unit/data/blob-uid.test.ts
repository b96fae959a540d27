import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBlobUid, newBlobUid, toLetters } from '../../../src/data/blob-uid.ts';

const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** docs/spec/formats.md §1 with big integers, as it reads. */
function lettersByTheBook(uuid: Buffer): string {
  let rest = BigInt(`0x${uuid.toString('hex')}`);
  let letters = '';
  while (rest > 0n) {
    letters = ALPHABET.charAt(Number(rest % 57n)) + letters;
    rest /= 57n;
  }
  return letters.padStart(22, '2');
}

describe('blob uids', () => {
  it('write 128 bits as 22 letters, most significant first', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(toLetters(Buffer.from(bytes))).toBe(lettersByTheBook(Buffer.from(bytes)));
      }),
    );
    expect(toLetters(Buffer.alloc(16))).toBe('2'.repeat(22));
    expect(toLetters(Buffer.alloc(16, 0xff))).toBe(lettersByTheBook(Buffer.alloc(16, 0xff)));
  });

  it('start with the md5 of their letters, and never repeat', () => {
    const uids = Array.from({ length: 5000 }, newBlobUid);
    expect(new Set(uids).size).toBe(uids.length);
    for (const uid of uids.slice(0, 200)) {
      expect(isBlobUid(uid)).toBe(true);
      expect(uid.slice(0, 10)).toBe(createHash('md5').update(uid.slice(10)).digest('hex').slice(0, 10));
    }
  });

  it.each([
    '',
    '../../../../etc/passwd',
    'x'.repeat(32),
    '0ba1a2c84eYPo2DMNudhrERiGoQ6Rng/',
    '0ba1a2c84eYPo2DMNudhrERiGoQ6RngQQ',
  ])('are told from %j', (text) => {
    expect(isBlobUid(text)).toBe(false);
  });
});
