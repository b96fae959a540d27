import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hasherFor } from '../../src/engine/hasher.ts';
import { openSha512Lanes } from '../../src/native/sha512-lanes.ts';
import { noise } from '../support/random.ts';

const LIBRARY = fileURLToPath(new URL('../../dist/sha512-lanes.so', import.meta.url));
/** CI has a compiler and allows no skip. */
const isRequired = process.env.CI !== undefined && process.arch === 'x64';
const supported = openSha512Lanes()?.lanes ?? 0;

function openssl(bytes: Uint8Array): string {
  return createHash('sha512').update(bytes).digest('hex');
}

it.skipIf(!isRequired && !existsSync(LIBRARY))('is built where the processor is an x64', () => {
  expect(existsSync(LIBRARY)).toBe(true);
});

/** A processor that has no vectors of a kind has no code of ours to be tested. */
describe.each([4, 8].filter((lanes) => lanes <= supported))('SHA-512 in %i lanes', (most) => {
  const lanes = openSha512Lanes(LIBRARY, most);
  const digest = (messages: Uint8Array[]) => lanes?.digest(messages);

  it('agrees with OpenSSL for every length around the padding, and any number of messages', () => {
    const bytes = noise(8 * 400, 'lengths');
    for (let length = 0; length <= 400; length++) {
      const count = 1 + (length % most);
      const messages = Array.from({ length: count }, (_, i) => bytes.subarray(i * 400, i * 400 + length));
      expect(digest(messages)).toEqual(messages.map(openssl));
    }
  });

  it('agrees with OpenSSL for whole blocks', () => {
    const bytes = noise(most * 4 * 1024 ** 2 + 1, 'blocks');
    const messages = Array.from({ length: most }, (_, i) => bytes.subarray(1 + i * 4 * 1024 ** 2, 1 + (i + 1) * 4 * 1024 ** 2));
    expect(digest(messages)).toEqual(messages.map(openssl));
  });

  it('refuses what does not fit its lanes', () => {
    expect(() => digest([new Uint8Array(3), new Uint8Array(4)])).toThrow('lanes');
    expect(() => digest(Array.from({ length: most + 1 }, () => new Uint8Array(1)))).toThrow('lanes');
  });

  it('is used for blocks of one length; a shorter one among them is hashed as well', () => {
    const bytes = noise(40_000, 'mixed');
    const lengths = [4096, 4096, 4096, 4096, 4096, 512, 4096, 4096, 7, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 0];
    const blocks = lengths.map((length, i) => bytes.subarray(i * 1000, i * 1000 + length));
    expect(hasherFor('sha512', lanes ?? null).digest(blocks)).toEqual(blocks.map(openssl));
  });
});

it('does without the library', () => {
  expect(openSha512Lanes(join(LIBRARY, 'missing'))).toBeUndefined();
  const block = noise(5000, 'one');
  expect(hasherFor('sha512', null).digest([block, block])).toEqual([openssl(block), openssl(block)]);
});
