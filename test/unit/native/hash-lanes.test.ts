import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hasherFor } from '../../../src/engine/worker/hasher.ts';
import { digestAll, openHashLanes } from '../../../src/native/hash-lanes.ts';
import { noise } from '../../support/images/random.ts';

const HASHES = ['sha512', 'md5'] as const;
type Hash = (typeof HASHES)[number];

/** CI has a compiler and allows no skip. */
const isRequired = process.env.CI !== undefined && process.arch === 'x64';

function library(hash: Hash): string {
  return fileURLToPath(new URL(`../../../dist/${hash}-lanes.so`, import.meta.url));
}

function openC(path: string): { func(declaration: string): (...args: unknown[]) => unknown } {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  return { func: (declaration) => koffi.load(path).func(declaration) };
}

function openssl(hash: string): (bytes: Uint8Array) => string {
  return (bytes) => createHash(hash).update(bytes).digest('hex');
}

it.each(HASHES)('%s is built where the processor is an x64', (hash) => {
  expect(existsSync(library(hash)) || !isRequired).toBe(true);
});

/** A processor that has no vectors of a kind has no code of ours to be tested. */
const cases = HASHES.flatMap((hash) =>
  [4, 8].filter((most) => most <= (openHashLanes(hash)?.lanes ?? 0)).map((most) => ({ hash, most })),
);

describe.each(cases)('$hash in $most lanes', ({ hash, most }) => {
  const lanes = openHashLanes(hash, { path: library(hash), mostLanes: most });
  if (lanes === undefined) throw new Error('the library was there just now');
  const one = openssl(hash);

  it('agrees with OpenSSL for every length around the padding, and any number of messages', async () => {
    const bytes = noise(8 * 400, 'lengths');
    for (let length = 0; length <= 400; length++) {
      const count = 1 + (length % most);
      const messages = Array.from({ length: count }, (_, i) => bytes.subarray(i * 400, i * 400 + length));
      expect(await lanes.digest(messages, 'here')).toEqual(messages.map(one));
    }
  });

  it('agrees with OpenSSL for whole blocks, here and in a thread of the pool', async () => {
    const bytes = noise(most * 4 * 1024 ** 2 + 1, 'blocks');
    const messages = Array.from({ length: most }, (_, i) => bytes.subarray(1 + i * 4 * 1024 ** 2, 1 + (i + 1) * 4 * 1024 ** 2));
    expect(await lanes.digest(messages, 'here')).toEqual(messages.map(one));
    expect(await lanes.digest(messages, 'pool')).toEqual(messages.map(one));
  });

  it('refuses what does not fit its lanes', async () => {
    await expect(lanes.digest([new Uint8Array(3), new Uint8Array(4)], 'here')).rejects.toThrow('lanes');
    for (const length of [1, 1024 ** 2]) {
      const tooMany = new Array<Uint8Array>(most + 1).fill(new Uint8Array(length));
      await expect(lanes.digest(tooMany, 'pool')).rejects.toThrow('lanes');
    }
  });

  it('gives no digest for no message', async () => {
    expect(await lanes.digest([], 'pool')).toEqual([]);
  });

  it('is used for blocks of one length; a shorter one among them is hashed as well', async () => {
    const bytes = noise(40_000, 'mixed');
    const lengths = [4096, 4096, 4096, 4096, 4096, 512, 4096, 4096, 7, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096, 0];
    const blocks = lengths.map((length, i) => bytes.subarray(i * 1000, i * 1000 + length));
    expect(await digestAll(blocks, { lanes, one, where: 'here' })).toEqual(blocks.map(one));
    if (hash === 'sha512') expect(await hasherFor('sha512', lanes).digest(blocks, 'here')).toEqual(blocks.map(one));
  });
});

describe.each(HASHES.filter((hash) => openHashLanes(hash) !== undefined))('the C function of %s', (hash) => {
  const DIGEST_BYTES = { sha512: 64, md5: 16 }[hash];
  const { func } = openC(library(hash));
  const call = func(
    `int backy2_${hash}(uint32_t lanes, const uint8_t **messages, uint32_t count, uint64_t length, _Out_ uint8_t *digests, uint64_t size)`,
  );

  it.each([
    ['no message', { count: 0 }],
    ['more messages than lanes', { count: 5 }],
    ['a number of lanes that there is not', { lanes: 5 }],
    ['no lanes', { lanes: 0 }],
    ['more lanes than any processor has', { lanes: 16 }],
    ['less room than the digests need', { room: 2 * DIGEST_BYTES - 1 }],
  ])('refuses %s, and writes nothing', (_, wrong) => {
    const { lanes, count, room } = { lanes: 4, count: 2, room: 2 * DIGEST_BYTES, ...wrong };
    const digests = Buffer.alloc(8 * DIGEST_BYTES, 'x');
    const messages = Array.from({ length: 8 }, () => Buffer.from('abc'));
    expect(call(lanes, messages, count, 3, digests, room)).toBe(-1);
    expect(digests.equals(Buffer.alloc(digests.length, 'x'))).toBe(true);
  });
});

it('does without the library', async () => {
  expect(openHashLanes('sha512', { path: `${library('sha512')}.missing` })).toBeUndefined();
  const block = noise(5000, 'one');
  expect(await hasherFor('sha512', null).digest([block, block], 'here')).toEqual([block, block].map(openssl('sha512')));
});
