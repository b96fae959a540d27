import * as crypto from 'node:crypto';
import { createRequire } from 'node:module';

const STEP_BYTES = 64 * 1024;
const ALGORITHM = 'aes-256-gcm';
const KEY = crypto.randomBytes(32);
const NONCE = crypto.randomBytes(16);

/**
 * The minimal work of encryption version 1: zstd level 1 with one context and one buffer, then
 * AES-256-GCM. No key is wrapped, no blob is built or written.
 * @param {number} blockSize
 * @returns {(block: Buffer) => void}
 */
export function bareSealer(blockSize) {
  const compress = compressor(blockSize);
  return (block) => {
    const cipher = crypto.createCipheriv(ALGORITHM, KEY, NONCE);
    for (const step of steps(compress(block))) cipher.update(step);
    cipher.final();
    cipher.getAuthTag();
  };
}

/**
 * The same backwards: `seal` a block once, then open it any number of times.
 * @param {number} blockSize
 * @returns {{ seal: (block: Buffer) => Sealed, open: (sealed: Sealed, into: Buffer) => void }}
 * @typedef {{ bytes: Buffer, tag: Buffer }} Sealed
 */
export function bareOpener(blockSize) {
  const compress = compressor(blockSize);
  const { library, room } = zstd(blockSize);
  const context = library.func('void *ZSTD_createDCtx(void)')();
  const decompress = library.func(
    'int64_t ZSTD_decompressDCtx(void *context, void *into, size_t room, const void *from, size_t length)',
  );
  return {
    seal(block) {
      const cipher = crypto.createCipheriv(ALGORITHM, KEY, NONCE);
      const bytes = Buffer.concat([cipher.update(compress(block)), cipher.final()]);
      return { bytes, tag: cipher.getAuthTag() };
    },
    open({ bytes, tag }, into) {
      const decipher = crypto.createDecipheriv(ALGORITHM, KEY, NONCE).setAuthTag(tag);
      let length = 0;
      for (const step of steps(bytes)) length += decipher.update(step).copy(room, length);
      decipher.final();
      if (Number(decompress(context, into, into.length, room, length)) !== into.length) throw new Error('zstd failed');
    },
  };
}

/** @param {number} blockSize @returns {(block: Buffer) => Buffer} a frame, valid until the next. */
function compressor(blockSize) {
  const { library, room } = zstd(blockSize);
  const context = library.func('void *ZSTD_createCCtx(void)')();
  const compress = library.func(
    'int64_t ZSTD_compressCCtx(void *context, void *into, size_t room, const void *from, size_t length, int level)',
  );
  return (block) => room.subarray(0, Number(compress(context, room, room.length, block, block.length, 1)));
}

/** The library, and room for a frame. @param {number} blockSize */
function zstd(blockSize) {
  const koffi = createRequire(import.meta.url)('koffi');
  return { library: koffi.load('libzstd.so.1'), room: Buffer.alloc(blockSize + blockSize / 128 + 1024) };
}

/** Pieces that stay in a core's own cache. @param {Buffer} bytes */
function* steps(bytes) {
  for (let start = 0; start < bytes.length; start += STEP_BYTES)
    yield bytes.subarray(start, Math.min(start + STEP_BYTES, bytes.length));
}
