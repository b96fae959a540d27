import type { BlobCodec } from './codec.ts';

/** Encryption version 0: the blob is the plain block. */
export const plainCodec: BlobCodec = {
  encVersion: 0,
  transforms: false,
  maxStoredBytes: (plainBytes) => plainBytes,
  isPlausible: (storedBytes, plainBytes) => storedBytes === plainBytes,
  encode: (plain) => ({ bytes: plain, envKey: null, nonce: null }),
  decode: (stored) => stored,
};
