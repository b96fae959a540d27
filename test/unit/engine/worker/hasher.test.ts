import { describe, expect, it } from 'vitest';
import { HASH_FUNCTIONS } from '../../../../src/config/schema.ts';
import { hasherFor } from '../../../../src/engine/worker/hasher.ts';
import { isAllZero } from '../../../../src/model/zero-test.ts';

/**
 * Published digests of "abc" (FIPS 180-4, FIPS 202, RFC 1321, RFC 7693), their first eight digits.
 */
const ABC: Record<string, string> = {
  md5: '90015098',
  sha1: 'a9993e36',
  sha224: '23097d22',
  sha256: 'ba7816bf',
  sha384: 'cb00753f',
  sha512: 'ddaf35a1',
  sha3_224: 'e642824c',
  sha3_256: '3a985da7',
  sha3_384: 'ec014982',
  sha3_512: 'b751850b',
  blake2b: 'ba80a53f',
  blake2s: '508c5e8c',
};

async function digest(name: string, bytes: Uint8Array): Promise<string> {
  return (await hasherFor(name).digest([bytes], 'here'))[0] ?? '';
}

describe('hasherFor', () => {
  it.each(Object.entries(ABC))('knows %s', async (name, wanted) => {
    expect((await digest(name, Buffer.from('abc'))).slice(0, 8)).toBe(wanted);
  });

  it('knows every function that the configuration takes', async () => {
    for (const name of HASH_FUNCTIONS) expect(await digest(name, Buffer.alloc(0))).toMatch(/^[0-9a-f]+$/);
  });
});

describe('isAllZero', () => {
  it('finds a single other byte anywhere', () => {
    const block = new Uint8Array(5_000_000);
    expect(isAllZero(block)).toBe(true);
    expect(isAllZero(block.subarray(0, 0))).toBe(true);
    for (const place of [0, 1, 4_194_303, 4_194_304, 4_999_999]) {
      block[place] = 1;
      expect(isAllZero(block)).toBe(false);
      block[place] = 0;
    }
  });
});
