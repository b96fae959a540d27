import { randomFillSync } from 'node:crypto';
import { BackyError } from '../../errors.ts';
import { compressBound, Zstd } from '../../native/libzstd.ts';
import type { BlobCodec, BlobSeal, EncodedBlob } from './codec.ts';
import { decryptInPlace, encryptInPlace, NONCE_BYTES, TAG_BYTES } from './gcm.ts';
import { KEY_BYTES, unwrapKey, wrapKey } from './key-wrap.ts';

const HEAD_BYTES = TAG_BYTES + NONCE_BYTES;
/** zstd compresses pieces of this size, each to at least 4 bytes, behind 6 bytes of the frame. */
const ZSTD_PIECE_BYTES = 128 * 1024;
/** Secrets from one call of the system's generator. */
const SECRETS_AT_ONCE = 64;

/**
 * Encryption version 1 (docs/spec/formats.md §4): `tag || nonce || ciphertext`, AES-256-GCM of a
 * zstd frame. Each block has a data key of its own, wrapped with the master key. Works in the
 * caller's buffers.
 */
export class SealedCodec implements BlobCodec {
  readonly encVersion = 1;
  readonly transforms = true;
  readonly #masterKey: Buffer;
  readonly #zstd: Zstd;
  readonly #secrets = Buffer.alloc((KEY_BYTES + NONCE_BYTES) * SECRETS_AT_ONCE);
  #secretsUsed = this.#secrets.length;

  constructor(masterKey: Buffer, compressionLevel: number) {
    this.#masterKey = masterKey;
    this.#zstd = new Zstd(compressionLevel);
  }

  maxStoredBytes(plainBytes: number): number {
    return HEAD_BYTES + compressBound(plainBytes);
  }

  isPlausible(storedBytes: number, plainBytes: number): boolean {
    const least = HEAD_BYTES + 6 + 4 * Math.ceil(plainBytes / ZSTD_PIECE_BYTES);
    return storedBytes >= least && storedBytes <= this.maxStoredBytes(plainBytes);
  }

  encode(plain: Uint8Array, into: Uint8Array): EncodedBlob {
    const { dataKey, nonce } = this.#nextSecrets();
    const length = this.#zstd.compress(plain, into.subarray(HEAD_BYTES));
    const bytes = into.subarray(0, HEAD_BYTES + length);
    bytes.set(encryptInPlace(bytes.subarray(HEAD_BYTES), dataKey, nonce), 0);
    bytes.set(nonce, TAG_BYTES);
    return { bytes, envKey: wrapKey(this.#masterKey, dataKey), nonce: nonce.toString('hex') };
  }

  decode(stored: Uint8Array, { envKey, nonce }: BlobSeal, into: Uint8Array): Uint8Array {
    if (stored.length < HEAD_BYTES) throw bad(`the blob has only ${stored.length} bytes`);
    const dataKey = unwrapKey(this.#masterKey, envKey ?? '');
    if (dataKey === undefined) throw bad('the wrapped key in its row is damaged or was wrapped with another master key');
    const blobNonce = stored.subarray(TAG_BYTES, HEAD_BYTES);
    // Rows of older revisions have none: then the blob's own counts, and the tag proves it.
    if (nonce !== null && nonce !== '' && nonce !== Buffer.from(blobNonce).toString('hex'))
      throw bad('the nonce in its row is not the one in the blob');
    const frame = stored.subarray(HEAD_BYTES);
    if (!decryptInPlace(frame, dataKey, { nonce: blobNonce, tag: stored.subarray(0, TAG_BYTES) }))
      throw bad('its bytes are not the ones that were encrypted (authentication failed)');
    const problem = this.#zstd.decompress(frame, into);
    if (problem !== undefined) throw bad(problem);
    return into;
  }

  #nextSecrets(): { dataKey: Buffer; nonce: Buffer } {
    if (this.#secretsUsed === this.#secrets.length) {
      randomFillSync(this.#secrets);
      this.#secretsUsed = 0;
    }
    const start = this.#secretsUsed;
    this.#secretsUsed += KEY_BYTES + NONCE_BYTES;
    return {
      dataKey: this.#secrets.subarray(start, start + KEY_BYTES),
      nonce: this.#secrets.subarray(start + KEY_BYTES, this.#secretsUsed),
    };
  }
}

function bad(why: string): BackyError {
  return new BackyError('blocksBad', why);
}
