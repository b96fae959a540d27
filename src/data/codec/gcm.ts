import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM } from 'node:crypto';

/** Bytes of a tag (docs/spec/formats.md §4). */
export const TAG_BYTES = 16;
/** Bytes of a nonce (docs/spec/formats.md §4). */
export const NONCE_BYTES = 16;

const CIPHER = 'aes-256-gcm';
/**
 * Node returns each result in a new buffer. Small ones come from the allocator's free lists, and
 * stay in the processor's cache.
 */
const STEP_BYTES = 64 * 1024;

/**
 * Encrypts `bytes` in place with AES-256-GCM, without associated data. Blocks the thread. @returns
 * the tag.
 */
export function encryptInPlace(bytes: Uint8Array, key: Uint8Array, nonce: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  transform(cipher, bytes);
  cipher.final();
  return cipher.getAuthTag();
}

/**
 * The inverse of {@link encryptInPlace}. @returns false when bytes, nonce, tag and key do not
 * belong together: `bytes` are useless then.
 */
export function decryptInPlace(
  bytes: Uint8Array,
  key: Uint8Array,
  { nonce, tag }: { nonce: Uint8Array; tag: Uint8Array },
): boolean {
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag);
  transform(decipher, bytes);
  try {
    decipher.final();
    return true;
  } catch {
    // In GCM it does nothing but compare the tags; its error has no code.
    return false;
  }
}

/** GCM's output is as long as its input, so each step's result fits in place. */
function transform(cipher: CipherGCM | DecipherGCM, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += STEP_BYTES)
    bytes.set(cipher.update(bytes.subarray(start, start + STEP_BYTES)), start);
}
