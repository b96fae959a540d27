/** Bytes of a tag of GCM. */
export const TAG_BYTES = 16;
/** Bytes of a key: AES-256. */
export const AES_KEY_BYTES = 32;
/** Bytes of a block of AES. */
export const AES_BLOCK_BYTES = 16;

/** AES-256 in the caller's buffers. Blocks the thread, to which it belongs. */
export interface Aes {
  /** Encrypts `bytes` in place with AES-256-GCM, without associated data. @returns the tag. */
  encrypt(bytes: Uint8Array, key: Uint8Array, nonce: Uint8Array): Buffer;
  /**
   * The inverse of {@link encrypt}. @returns false when bytes, nonce, tag and key do not belong
   * together: `bytes` are useless then.
   */
  decrypt(bytes: Uint8Array, key: Uint8Array, seal: { nonce: Uint8Array; tag: Uint8Array }): boolean;
  /** Encrypts each block of 16 bytes in place, by itself: a step of RFC 3394, and no more. */
  encryptBlocks(bytes: Uint8Array, key: Uint8Array): void;
  /** The inverse of {@link encryptBlocks}. */
  decryptBlocks(bytes: Uint8Array, key: Uint8Array): void;
}
