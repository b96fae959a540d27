import * as crypto from 'node:crypto';
import { createRequire } from 'node:module';

const STEP_BYTES = 64 * 1024;

/**
 * The minimal work of encryption version 1: zstd level 1 with one context and one buffer, then
 * AES-256-GCM. No key is wrapped, no blob is built or written.
 * @param {number} blockSize
 * @returns {(block: Buffer) => void}
 */
export function bareSealer(blockSize) {
  const koffi = createRequire(import.meta.url)('koffi');
  const library = koffi.load('libzstd.so.1');
  const context = library.func('void *ZSTD_createCCtx(void)')();
  const compress = library.func(
    'int64_t ZSTD_compressCCtx(void *context, void *into, size_t room, const void *from, size_t length, int level)',
  );
  const frame = Buffer.alloc(blockSize + blockSize / 128 + 1024);
  const key = crypto.randomBytes(32);
  return (block) => {
    const length = Number(compress(context, frame, frame.length, block, block.length, 1));
    const cipher = crypto.createCipheriv('aes-256-gcm', key, crypto.randomBytes(16));
    for (let start = 0; start < length; start += STEP_BYTES)
      cipher.update(frame.subarray(start, Math.min(start + STEP_BYTES, length)));
    cipher.final();
    cipher.getAuthTag();
  };
}
