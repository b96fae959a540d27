import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab, withLab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { needTool } from '../support/runner/machine.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
const image = Buffer.concat([noise(5 * BLOCK, 'image'), Buffer.alloc(BLOCK), noise(2 * BLOCK + 99, 'tail')]);

/** Each with openssl's name for it, and its number of hex digits. */
const HASHES: [name: string, openssl: string, digits: number][] = [
  ['md5', '-md5', 32],
  ['sha1', '-sha1', 40],
  ['sha224', '-sha224', 56],
  ['sha256', '-sha256', 64],
  ['sha384', '-sha384', 96],
  ['sha3_224', '-sha3-224', 56],
  ['sha3_256', '-sha3-256', 64],
  ['sha3_384', '-sha3-384', 96],
  ['sha3_512', '-sha3-512', 128],
  ['blake2b', '-blake2b512', 128],
  ['blake2s', '-blake2s256', 64],
];

const openssl = await needTool('openssl', 'version');

filesOnly('hash functions', () => {
  describe('hash_function', () => {
    test.each(HASHES)('%s: blocks have its checksums, are found by them, and restore', async (hash_function, word, digits) => {
      await withLab({ blockSize: BLOCK, config: { DEFAULTS: { hash_function } } }, async (lab) => {
        const source = `file://${lab.write('image', image)}`;
        const uid = await lab.backup(source, 'vm');
        const [first, last] = [lab.blocks(uid)[0]?.checksum, lab.blocks(uid).at(-1)?.checksum];
        expect([first?.length, last?.length]).toEqual([digits, digits]);
        expect(last).toBe(await checksum(lab, image.subarray(8 * BLOCK), hash_function, word));
        const blobs = lab.blobs();
        await lab.backup(source, 'again');
        expect(lab.blobs()).toEqual(blobs);
        expect(await lab.restoredSha256(uid)).toBe(sha256(image));
        const blob = lab.blobAt(uid, 3);
        const bytes = blob.read();
        bytes[100] = (bytes[100] ?? 0) ^ 1;
        blob.write(bytes);
        const scrub = await lab.run(['scrub', uid]);
        expect(scrub.code).toBe(20);
        expect(scrub.stderr).toMatch(/block 3\b/i);
      });
    });
  });
});

/**
 * Computes it with a foreign program, if there is one; else with the library's function of that
 * name.
 */
async function checksum(lab: Lab, bytes: Buffer, name: string, word: string): Promise<string> {
  if (!openssl.available) return createHash(word.slice(1)).update(bytes).digest('hex');
  return (await tool('openssl', 'dgst', word, '-r', lab.write(`of-${name}`, bytes))).split(' ')[0] ?? '';
}

describe('a store whose settings change', () => {
  let lab: Lab;
  let uid: string;
  const oracle = new Map<string, string>();
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK });
    uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    oracle.clear();
    oracle.set(uid, sha256(image));
  });
  afterEach(() => lab.remove());

  test.each([512, 8192, 4_194_304])(
    'to blocks of %i bytes: old versions stay good, new ones are split differently',
    async (block_size) => {
      lab.configure({ DEFAULTS: { block_size } });
      const source = `file://${lab.path('image')}`;
      const next = await lab.backup(source, 'vm');
      expect(lab.blocks(next)[0]?.size).toBe(Math.min(block_size, image.length));
      oracle.set(next, sha256(image));
      await lab.ok('scrub', '-s', source, uid);
      expectFailure(await lab.run(['backup', '-f', uid, source, 'vm']), 100, 'another block size');
      await checkStoreAndCleanUp(lab, oracle);
    },
  );

  test('to deduplication 0: blocks are stored again, zeros are not, a base is still used; and back', async () => {
    lab.configure({ DEFAULTS: { deduplication: 0 } });
    const source = `file://${lab.path('image')}`;
    const blobs = lab.blobs().length;
    oracle.set(await lab.backup(source, 'vm'), sha256(image));
    expect(lab.blobs()).toHaveLength(2 * blobs);
    oracle.set(await lab.backup('-f', uid, '-r', lab.write('none', '[]'), source, 'vm'), sha256(image));
    expect(lab.blobs()).toHaveLength(2 * blobs);
    lab.configure({ DEFAULTS: { deduplication: 1 } });
    oracle.set(await lab.backup(source, 'vm'), sha256(image));
    expect(lab.blobs()).toHaveLength(2 * blobs);
    await checkStoreAndCleanUp(lab, oracle);
  });
});
