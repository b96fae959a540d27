import { randomFillSync } from 'node:crypto';
import { BackyError } from '../../errors.ts';
import { TAG_BYTES } from '../../native/aes.ts';
import { fastestAes } from '../../native/fastest-aes.ts';
import { compressBound, Zstd } from '../../native/libzstd.ts';
import { type BlobCodec, type BlobSeal, type EncodedBlob, NONCE_BYTES } from './codec.ts';
import { KeyBatch } from './key-batch.ts';
import { KEY_BYTES, unwrapKey, WRAPPED_KEY_BYTES } from './key-wrap.ts';

const HEAD_BYTES = TAG_BYTES + NONCE_BYTES;
/** zstd compresses pieces of this size, each to at least 4 bytes, behind 6 bytes of the frame. */
const ZSTD_PIECE_BYTES = 128 * 1024;
/** Blocks whose secrets are made together: wrapping one key alone takes 10 µs. */
const SECRETS_AT_ONCE = 64;

/** Key and nonce of one block. */
interface Secrets {
  dataKey: Uint8Array;
  /** Hex. */
  envKey: string;
  nonce: Buffer;
}

/**
 * Encryption version 1 (docs/spec/formats.md §4): `tag || nonce || ciphertext`, AES-256-GCM of a
 * zstd frame. Each block has a data key of its own, wrapped with the master key. Works in the
 * caller's buffers.
 */
export class SealedCodec implements BlobCodec {
  readonly encVersion = 1;
  readonly transforms = true;
  readonly #masterKey: Buffer;
  readonly #batch: KeyBatch;
  readonly #aes = fastestAes();
  readonly #zstd: Zstd;
  readonly #keys = Buffer.alloc(KEY_BYTES * SECRETS_AT_ONCE);
  readonly #nonces = Buffer.alloc(NONCE_BYTES * SECRETS_AT_ONCE);
  /** The keys, wrapped, in hex. */
  #wrapped = '';
  #secretsUsed = SECRETS_AT_ONCE;

  constructor(masterKey: Buffer, compressionLevel: number) {
    this.#masterKey = masterKey;
    this.#batch = new KeyBatch(masterKey);
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
    const { dataKey, envKey, nonce } = this.#nextSecrets();
    const length = this.#zstd.compress(plain, into.subarray(HEAD_BYTES));
    const bytes = into.subarray(0, HEAD_BYTES + length);
    bytes.set(this.#aes.encrypt(bytes.subarray(HEAD_BYTES), dataKey, nonce), 0);
    bytes.set(nonce, TAG_BYTES);
    return { bytes, envKey, nonce: nonce.toString('hex') };
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
    if (!this.#aes.decrypt(frame, dataKey, { nonce: blobNonce, tag: stored.subarray(0, TAG_BYTES) }))
      throw bad('its bytes are not the ones that were encrypted (authentication failed)');
    const problem = this.#zstd.decompress(frame, into);
    if (problem !== undefined) throw bad(problem);
    return into;
  }

  /** The secrets of the next block. They change when all of them are used. */
  #nextSecrets(): Secrets {
    if (this.#secretsUsed === SECRETS_AT_ONCE) this.#makeSecrets();
    const n = this.#secretsUsed++;
    return {
      dataKey: partOf(this.#keys, n, KEY_BYTES),
      envKey: this.#wrapped.slice(n * 2 * WRAPPED_KEY_BYTES, (n + 1) * 2 * WRAPPED_KEY_BYTES),
      nonce: partOf(this.#nonces, n, NONCE_BYTES),
    };
  }

  #makeSecrets(): void {
    randomFillSync(this.#keys);
    randomFillSync(this.#nonces);
    this.#wrapped = this.#batch.wrap(this.#keys).toString('hex');
    this.#secretsUsed = 0;
  }
}

function partOf(bytes: Buffer, n: number, length: number): Buffer {
  return bytes.subarray(n * length, (n + 1) * length);
}

function bad(why: string): BackyError {
  return new BackyError('blocksBad', why);
}
