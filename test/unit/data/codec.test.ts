import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BlobSeal } from '../../../src/data/codec/codec.ts';
import { codecFor } from '../../../src/data/codec/codec-for.ts';
import { masterKeyOf, unwrapKey, wrapKey } from '../../../src/data/codec/key-wrap.ts';
import { SealedCodec } from '../../../src/data/codec/sealed-codec.ts';
import { BackyError } from '../../../src/errors.ts';
import { fastestAes } from '../../../src/native/fastest-aes.ts';
import { Zstd } from '../../../src/native/libzstd.ts';

const KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const hex = (text: string) => Buffer.from(text, 'hex');

describe('key wrap', () => {
  // RFC 3394 §4.6: 256 bits of key data with a 256-bit key.
  const data = '00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f';
  const wrapped = '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21';

  test('is that of RFC 3394', () => {
    expect(wrapKey(masterKeyOf(KEY), hex(data))).toBe(wrapped);
    expect(unwrapKey(masterKeyOf(KEY), wrapped)?.toString('hex')).toBe(data);
  });

  test('tells a damaged key, any other text and another master key', () => {
    for (let at = 0; at < wrapped.length; at++) {
      const digit = ((Number.parseInt(wrapped.charAt(at), 16) + 1) % 16).toString(16);
      expect(unwrapKey(masterKeyOf(KEY), wrapped.slice(0, at) + digit + wrapped.slice(at + 1)), `digit ${at}`).toBeUndefined();
    }
    for (const text of ['', 'no hex', wrapped.slice(2), `${wrapped}00`, `${wrapped.slice(0, -1)}x`])
      expect(unwrapKey(masterKeyOf(KEY), text), text).toBeUndefined();
    expect(unwrapKey(masterKeyOf(KEY.replace('00', '01')), wrapped)).toBeUndefined();
  });
});

/** Makes and reads blobs in buffers as the engine does. */
function seal(codec: SealedCodec, plain: Uint8Array): BlobSeal & { blob: Buffer } {
  const { bytes, envKey, nonce } = codec.encode(plain, new Uint8Array(codec.maxStoredBytes(plain.length)));
  return { blob: Buffer.from(bytes), envKey, nonce };
}

function open(codec: SealedCodec, { blob, ...rowSeal }: BlobSeal & { blob: Uint8Array }, size: number): Buffer {
  return Buffer.from(codec.decode(Uint8Array.from(blob), rowSeal, new Uint8Array(size)));
}

function whyBad(codec: SealedCodec, sealed: BlobSeal & { blob: Uint8Array }, size: number): string {
  try {
    open(codec, sealed, size);
  } catch (error) {
    if (error instanceof BackyError && error.code === 'blocksBad') return error.message;
    throw error;
  }
  return 'it is good';
}

describe('encryption version 1', () => {
  const codec = new SealedCodec(masterKeyOf(KEY), 1);

  test('gives back any block of any length, whatever it holds', () => {
    const blocks = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 70_000 }),
      fc.integer({ min: 1, max: 300_000 }).map((length) => Buffer.alloc(length, 'text ')),
      fc.integer({ min: 1, max: 300_000 }).map((length) => Buffer.alloc(length)),
      fc.integer({ min: 1, max: 300_000 }).map((length) => randomBytes(length)),
    );
    fc.assert(
      fc.property(blocks, (plain) => {
        const sealed = seal(codec, plain);
        expect(codec.isPlausible(sealed.blob.length, plain.length)).toBe(true);
        expect(sealed.blob.length).toBeLessThanOrEqual(codec.maxStoredBytes(plain.length));
        expect(open(codec, sealed, plain.length).equals(plain)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('puts tag and nonce in front, and the nonce into the row; keys and nonces are never used twice', () => {
    const sealed = Array.from({ length: 200 }, () => seal(codec, Buffer.from('same block')));
    for (const { blob, nonce, envKey } of sealed) {
      expect(blob.toString('hex', 16, 32)).toBe(nonce);
      expect(envKey).toMatch(/^[0-9a-f]{80}$/);
    }
    expect(new Set(sealed.map(({ nonce }) => nonce)).size).toBe(200);
    expect(new Set(sealed.map(({ envKey }) => unwrapKey(masterKeyOf(KEY), envKey ?? '')?.toString('hex'))).size).toBe(200);
  });

  test('has the content size in the frame', () => {
    const plain = randomBytes(5000);
    const { blob, envKey } = seal(codec, plain);
    const frame = Buffer.from(blob.subarray(32));
    const dataKey = unwrapKey(masterKeyOf(KEY), envKey ?? '') ?? Buffer.alloc(0);
    expect(fastestAes().decrypt(frame, dataKey, { nonce: blob.subarray(16, 32), tag: blob.subarray(0, 16) })).toBe(true);
    // RFC 8878: magic number; single segment and two bytes of content size, which is less 256; no
    // dictionary, no checksum.
    expect([frame.readUInt32LE(0), frame.readUInt8(4), frame.readUInt16LE(5)]).toEqual([0xfd2fb528, 0x60, 5000 - 256]);
  });

  test('a row without a nonce is read by the nonce in the blob', () => {
    const plain = Buffer.from('an old row');
    const sealed = seal(codec, plain);
    for (const nonce of [null, '']) expect(open(codec, { ...sealed, nonce }, plain.length).equals(plain)).toBe(true);
  });

  test('a flipped bit at any byte of the blob is found, and so are cut and longer ones', () => {
    const plain = randomBytes(3000);
    const sealed = seal(codec, plain);
    for (let at = 0; at < sealed.blob.length; at++) {
      const blob = Buffer.from(sealed.blob);
      blob.writeUInt8(blob.readUInt8(at) ^ (1 << (at % 8)), at);
      expect(whyBad(codec, { ...sealed, blob }, plain.length), `byte ${at}`).toMatch(/authentication failed|nonce/);
      expect(whyBad(codec, { ...sealed, nonce: null, blob }, plain.length), `byte ${at}`).toMatch(/authentication failed/);
    }
    for (const length of [0, 1, 31, 32, 33, sealed.blob.length - 1]) {
      expect(whyBad(codec, { ...sealed, blob: sealed.blob.subarray(0, length) }, plain.length)).not.toBe('it is good');
    }
    expect(whyBad(codec, { ...sealed, blob: Buffer.concat([sealed.blob, Buffer.of(0)]) }, plain.length)).not.toBe('it is good');
  });

  test("a damaged or missing wrapped key, another block's, and a damaged nonce in the row are found", () => {
    const plain = randomBytes(3000);
    const sealed = seal(codec, plain);
    const envKey = sealed.envKey ?? '';
    for (const bad of [null, '', 'x', envKey.slice(2), `${envKey.slice(0, -1)}${envKey.endsWith('0') ? '1' : '0'}`])
      expect(whyBad(codec, { ...sealed, envKey: bad }, plain.length)).toMatch(/wrapped key/);
    expect(whyBad(codec, { ...sealed, envKey: seal(codec, plain).envKey }, plain.length)).toMatch(/authentication failed/);
    expect(whyBad(codec, { ...sealed, nonce: '00'.repeat(16) }, plain.length)).toMatch(/nonce/);
    expect(whyBad(new SealedCodec(masterKeyOf('ff'.repeat(32)), 1), sealed, plain.length)).toMatch(/another master key/);
  });

  test('a frame of another size than the row says is found, without room for what it claims', () => {
    const sealed = seal(codec, randomBytes(3000));
    expect(whyBad(codec, sealed, 2999)).toMatch(/3000 bytes where 2999 are expected/);
    expect(whyBad(codec, sealed, 3001)).toMatch(/3000 bytes where 3001 are expected/);
    const before = process.memoryUsage().rss;
    expect(whyBad(codec, forged(8 * 1024 ** 3), 3000)).toMatch(/8589934592 bytes where 3000 are expected/);
    expect(whyBad(codec, forged(undefined), 3000)).not.toBe('it is good');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 ** 2);
  });

  /**
   * A blob that is well encrypted, but whose frame lies: it claims a size, or hides it, and holds
   * endless zeros.
   */
  function forged(claims: number | undefined): BlobSeal & { blob: Buffer } {
    const head = Buffer.alloc(claims === undefined ? 6 : 13);
    head.writeUInt32LE(0xfd2fb528, 0);
    if (claims === undefined) head.writeUInt16LE(0xf000, 4);
    else {
      head.writeUInt8(0xe0, 4);
      head.writeBigUInt64LE(BigInt(claims), 5);
    }
    // An RLE block of 128 KiB of zeros, many times.
    const piece = Buffer.of((0x20000 << 3) | 2, ((0x20000 << 3) >> 8) & 0xff, (0x20000 << 3) >> 16, 0);
    const frame = Buffer.concat([head, ...Array.from({ length: 1000 }, () => piece)]);
    const [dataKey, nonce] = [randomBytes(32), randomBytes(16)];
    const tag = fastestAes().encrypt(frame, dataKey, nonce);
    return { blob: Buffer.concat([tag, nonce, frame]), envKey: wrapKey(masterKeyOf(KEY), dataKey), nonce: nonce.toString('hex') };
  }

  test('compresses harder when told to', () => {
    const words = Array.from({ length: 60_000 }, (_, n) =>
      createHash('md5')
        .update(String(n % 977))
        .digest('hex')
        .slice(n % 7),
    );
    const plain = Buffer.from(words.join(' '));
    const hard = new SealedCodec(masterKeyOf(KEY), 19);
    expect(seal(hard, plain).blob.length).toBeLessThan(seal(codec, plain).blob.length * 0.95);
    expect(open(codec, seal(hard, plain), plain.length).equals(plain)).toBe(true);
  });
});

describe('codecs by encryption version', () => {
  const options = { key: KEY, compressionLevel: 1 };

  test('0 needs no key, 1 does, and others are not known', () => {
    expect(codecFor(0, { ...options, key: undefined }).encVersion).toBe(0);
    expect(codecFor(1, options).encVersion).toBe(1);
    expect(() => codecFor(1, { ...options, key: undefined })).toThrow(/no encryption_key is configured/);
    expect(() => codecFor(2, options)).toThrow(/encryption version 2 can't be read by this release/);
  });
});

test('zstd reads frames of more than one piece, and says what is none', () => {
  const zstd = new Zstd(3);
  const plain = Buffer.concat([randomBytes(200_000), Buffer.alloc(200_000, 'abc')]);
  const frame = new Uint8Array(500_000);
  const length = zstd.compress(plain, frame);
  const back = new Uint8Array(plain.length);
  expect(zstd.decompress(frame.subarray(0, length), back)).toBeUndefined();
  expect(Buffer.compare(back, plain)).toBe(0);
  expect(zstd.decompress(Buffer.from('no frame at all'), back)).toBe('no zstd frame');
  expect(zstd.decompress(frame.subarray(0, length - 1), back)).toMatch(/damaged zstd frame/);
});
