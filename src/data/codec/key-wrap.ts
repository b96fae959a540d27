import { createCipheriv, createDecipheriv } from 'node:crypto';
import { errnoOf } from '../../errors.ts';

/** RFC 3394's default initial value, which tells that a key was unwrapped rightly. */
const INITIAL_VALUE = Buffer.alloc(8, 0xa6);
const CIPHER = 'id-aes256-wrap';

/** Bytes of a master key and of a data key. */
export const KEY_BYTES = 32;
/** Bytes of a wrapped data key. */
export const WRAPPED_KEY_BYTES = 40;

/** A master key from its 64 hex digits. */
export function masterKeyOf(hex: string): Buffer {
  const key = Buffer.from(hex, 'hex');
  if (key.length !== KEY_BYTES) throw new Error('a master key has 64 hex digits');
  return key;
}

/** Wraps a data key by RFC 3394. 10 µs. @returns hex text. */
export function wrapKey(masterKey: Buffer, dataKey: Uint8Array): string {
  const cipher = createCipheriv(CIPHER, masterKey, INITIAL_VALUE);
  return cipher.update(dataKey, undefined, 'hex') + cipher.final('hex');
}

/**
 * Unwraps a data key. 10 µs.
 * @returns undefined when the text is no wrapped key, is damaged, or was wrapped with another
 * master key: these look the same.
 */
export function unwrapKey(masterKey: Buffer, wrapped: string): Buffer | undefined {
  const bytes = Buffer.from(wrapped, 'hex');
  if (bytes.length !== WRAPPED_KEY_BYTES || wrapped.length !== 2 * WRAPPED_KEY_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, masterKey, INITIAL_VALUE);
  try {
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch (error) {
    if (isIntegrityFailure(error)) return undefined;
    throw error;
  }
}

/** OpenSSL has no code for it: the error has none, or a general one. */
function isIntegrityFailure(error: unknown): boolean {
  const code = errnoOf(error);
  return error instanceof Error && (code === undefined || code.startsWith('ERR_OSSL'));
}
