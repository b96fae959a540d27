import { createRequire } from 'node:module';
import { AES_BLOCK_BYTES, AES_KEY_BYTES, type Aes, TAG_BYTES } from './aes.ts';

/** Controls of a cipher (OpenSSL, evp.h). */
const [SET_NONCE_LENGTH, GET_TAG, SET_TAG] = [0x09, 0x10, 0x11];

/** Calls of OpenSSL. Results: 1 is success. Lengths are bytes. */
interface OpenSsl {
  newContext(): unknown;
  gcm(): unknown;
  ecb(): unknown;
  /** Leaves as it was whatever is null. @param encrypt 0 or 1. */
  init(
    context: unknown,
    cipher: unknown,
    engine: null,
    key: Uint8Array | null,
    nonce: Uint8Array | null,
    encrypt: number,
  ): number;
  setPadding(context: unknown, padding: number): number;
  control(context: unknown, control: number, length: number, bytes: Uint8Array | null): number;
  update(context: unknown, into: Uint8Array, written: Uint8Array, from: Uint8Array, length: number): number;
  final(context: unknown, into: Uint8Array, written: Uint8Array): number;
}

/**
 * AES by the OpenSSL that Node itself consists of, called by address: it works in place. Node's own
 * calls make a buffer of zeros for each result, which has to be copied back then.
 * @returns undefined if this Node does not show its OpenSSL to others.
 */
export function openSslAes(): Aes | undefined {
  const library = openSsl();
  if (library === undefined) return undefined;
  const [gcm, ecb] = [contextOf(library, library.gcm()), contextOf(library, library.ecb())];
  must(library.setPadding(ecb, 0));
  // Nobody reads what they get.
  const [rest, written] = [Buffer.alloc(AES_BLOCK_BYTES), Buffer.alloc(8)];
  // C sees addresses alone.
  const begin = (key: Uint8Array, nonce: Uint8Array, encrypt: number) => {
    if (key.length !== AES_KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes`);
    must(library.control(gcm, SET_NONCE_LENGTH, nonce.length, null));
    must(library.init(gcm, null, null, key, nonce, encrypt));
  };
  const blocks = (bytes: Uint8Array, key: Uint8Array, encrypt: number) => {
    if (key.length !== AES_KEY_BYTES) throw new RangeError(`a key of ${key.length} bytes`);
    if (bytes.length % AES_BLOCK_BYTES !== 0) throw new RangeError(`${bytes.length} bytes are no whole blocks`);
    must(library.init(ecb, null, null, key, null, encrypt));
    must(library.update(ecb, bytes, written, bytes, bytes.length));
  };
  return {
    encrypt(bytes, key, nonce) {
      begin(key, nonce, 1);
      must(library.update(gcm, bytes, written, bytes, bytes.length));
      must(library.final(gcm, rest, written));
      const tag = Buffer.alloc(TAG_BYTES);
      must(library.control(gcm, GET_TAG, TAG_BYTES, tag));
      return tag;
    },
    decrypt(bytes, key, { nonce, tag }) {
      if (tag.length !== TAG_BYTES) throw new RangeError(`a tag of ${tag.length} bytes`);
      begin(key, nonce, 0);
      must(library.control(gcm, SET_TAG, tag.length, tag));
      must(library.update(gcm, bytes, written, bytes, bytes.length));
      return library.final(gcm, rest, written) === 1;
    },
    encryptBlocks: (bytes, key) => blocks(bytes, key, 1),
    decryptBlocks: (bytes, key) => blocks(bytes, key, 0),
  };
}

function contextOf(library: OpenSsl, cipher: unknown): unknown {
  const context = library.newContext();
  must(library.init(context, cipher, null, null, null, 1));
  return context;
}

function must(result: number): void {
  if (result !== 1) throw new Error(`OpenSSL failed with ${result}`);
}

function openSsl(): OpenSsl | undefined {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  try {
    const library = koffi.load(null);
    const init =
      'int EVP_CipherInit_ex(void *context, void *cipher, void *engine, const void *key, const void *nonce, int encrypt)';
    const update = 'int EVP_CipherUpdate(void *context, void *into, void *written, const void *from, int length)';
    return {
      newContext: library.func('void *EVP_CIPHER_CTX_new(void)') as OpenSsl['newContext'],
      gcm: library.func('void *EVP_aes_256_gcm(void)') as OpenSsl['gcm'],
      ecb: library.func('void *EVP_aes_256_ecb(void)') as OpenSsl['ecb'],
      init: library.func(init) as OpenSsl['init'],
      setPadding: library.func('int EVP_CIPHER_CTX_set_padding(void *context, int padding)') as OpenSsl['setPadding'],
      control: library.func('int EVP_CIPHER_CTX_ctrl(void *context, int control, int length, void *bytes)') as OpenSsl['control'],
      update: library.func(update) as OpenSsl['update'],
      final: library.func('int EVP_CipherFinal_ex(void *context, void *into, void *written)') as OpenSsl['final'],
    };
  } catch {
    return undefined;
  }
}
