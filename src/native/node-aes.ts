import { type Cipher, type CipherGCM, createCipheriv, createDecipheriv, type Decipher, type DecipherGCM } from 'node:crypto';
import { type Aes, TAG_BYTES } from './aes.ts';

const GCM = 'aes-256-gcm';
const ECB = 'aes-256-ecb';
/**
 * Node returns each result in a new buffer. Small ones come from the allocator's free lists, and
 * stay in the processor's cache.
 */
const STEP_BYTES = 64 * 1024;

/** AES by node:crypto: it takes two to three times as long as OpenSSL alone. */
export const nodeAes: Aes = {
  encrypt(bytes, key, nonce) {
    const cipher = createCipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES });
    transform(cipher, bytes);
    cipher.final();
    return cipher.getAuthTag();
  },
  decrypt(bytes, key, { nonce, tag }) {
    const decipher = createDecipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(tag);
    transform(decipher, bytes);
    try {
      decipher.final();
      return true;
    } catch {
      // In GCM it does nothing but compare the tags; its error has no code.
      return false;
    }
  },
  encryptBlocks: (bytes, key) => transform(createCipheriv(ECB, key, null).setAutoPadding(false), bytes),
  decryptBlocks: (bytes, key) => transform(createDecipheriv(ECB, key, null).setAutoPadding(false), bytes),
};

/** The output of each step is as long as its input: it fits in place. */
function transform(cipher: Cipher | CipherGCM | Decipher | DecipherGCM, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += STEP_BYTES)
    bytes.set(cipher.update(bytes.subarray(start, start + STEP_BYTES)), start);
}
