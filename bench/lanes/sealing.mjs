import * as crypto from 'node:crypto';
import { createRequire } from 'node:module';

/** Lengths in bytes of a tag and of a nonce of encryption version 1. */
const [TAG_BYTES, NONCE_BYTES] = [16, 16];
/** Controls of a cipher (OpenSSL, evp.h). */
const [SET_NONCE_LENGTH, GET_TAG, SET_TAG] = [0x09, 0x10, 0x11];
const KEY = crypto.randomBytes(32);
const NONCE = crypto.randomBytes(NONCE_BYTES);

/**
 * The minimal work of encryption version 1: zstd level 1 with one context and one buffer, then
 * AES-256-GCM in place. No key is wrapped, no blob is built or written.
 * @param {number} blockSize
 * @returns {(block: Buffer) => void}
 */
export function bareSealer(blockSize) {
  const compress = compressor(blockSize);
  const { encrypt } = cipher();
  return (block) => {
    encrypt(compress(block));
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
  const { encrypt, decrypt } = cipher();
  const context = library.func('void *ZSTD_createDCtx(void)')();
  const decompress = library.func(
    'int64_t ZSTD_decompressDCtx(void *context, void *into, size_t room, const void *from, size_t length)',
  );
  return {
    seal(block) {
      const bytes = Buffer.from(compress(block));
      return { tag: encrypt(bytes), bytes };
    },
    open(sealed, into) {
      const frame = decrypt(sealed, room);
      if (Number(decompress(context, into, into.length, frame, frame.length)) !== into.length) throw new Error('zstd failed');
    },
  };
}

/**
 * AES-256-GCM by the OpenSSL that Node consists of, without Node's buffer for each result.
 * @returns {{ encrypt: (bytes: Buffer) => Buffer, decrypt: (sealed: Sealed, into: Buffer) => Buffer }}
 * `encrypt` works in place.
 */
function cipher() {
  const library = createRequire(import.meta.url)('koffi').load(null);
  const init = library.func(
    'int EVP_CipherInit_ex(void *context, void *cipher, void *engine, const void *key, const void *nonce, int encrypt)',
  );
  const control = library.func('int EVP_CIPHER_CTX_ctrl(void *context, int control, int length, void *bytes)');
  const update = library.func('int EVP_CipherUpdate(void *context, void *into, void *written, const void *from, int length)');
  const final = library.func('int EVP_CipherFinal_ex(void *context, void *into, void *written)');
  const context = library.func('void *EVP_CIPHER_CTX_new(void)')();
  init(context, library.func('void *EVP_aes_256_gcm(void)')(), null, null, null, 1);
  control(context, SET_NONCE_LENGTH, NONCE_BYTES, null);
  const written = Buffer.alloc(8);
  return {
    encrypt(bytes) {
      const tag = Buffer.alloc(TAG_BYTES);
      init(context, null, null, KEY, NONCE, 1);
      update(context, bytes, written, bytes, bytes.length);
      final(context, tag, written);
      if (control(context, GET_TAG, TAG_BYTES, tag) !== 1) throw new Error('GCM failed');
      return tag;
    },
    decrypt({ bytes, tag }, into) {
      init(context, null, null, KEY, NONCE, 0);
      control(context, SET_TAG, TAG_BYTES, tag);
      update(context, into, written, bytes, bytes.length);
      if (final(context, into, written) !== 1) throw new Error('GCM failed');
      return into.subarray(0, bytes.length);
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
