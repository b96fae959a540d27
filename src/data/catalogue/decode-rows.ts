import { NONCE_BYTES } from '../codec/codec.ts';
import type { KeyBatch } from '../codec/key-batch.ts';
import { KEY_BYTES, WRAPPED_KEY_BYTES } from '../codec/key-wrap.ts';
import {
  BLOB,
  EMPTY_KEY,
  INVALID,
  KEY,
  LETTERS,
  MOST_CHECKSUM_BYTES,
  NONCE,
  ODD,
  PREFIX_BYTES,
  PREFIX_DIGITS,
} from './leaf-layout.ts';
import { decodeOdd, LeafProblem } from './odd-rows.ts';
import { LEAF_BLOCKS, type LeafRow } from './types.ts';

/**
 * The rows of a leaf. 1 µs a row.
 * @param batch with the key to wrap their data keys with.
 * @throws LeafProblem when no leaf has these bytes.
 */
export function decodeRows(index: number, payload: Uint8Array, batch: KeyBatch | undefined): LeafRow[] {
  const reader = new Reader(payload);
  const count = reader.number(2);
  const checksumBytes = reader.number(2);
  const size = reader.number(4);
  if (count === 0 || count > LEAF_BLOCKS || checksumBytes > MOST_CHECKSUM_BYTES) throw new LeafProblem('a wrong header');
  const classes = reader.bytes(count);
  const countOf = (bit: number) => classes.reduce((sum, given) => sum + ((given & ODD) === 0 && (given & bit) !== 0 ? 1 : 0), 0);
  const [blobs, keys, nonces] = [countOf(BLOB), countOf(KEY), countOf(NONCE)];
  const prefixes = reader.bytes(blobs * PREFIX_BYTES).toString('hex');
  const letters = reader.bytes(blobs * LETTERS).toString('latin1');
  const checksums = reader.bytes(blobs * checksumBytes).toString('hex');
  const plainKeys = reader.bytes(keys * KEY_BYTES);
  if (keys > 0 && batch === undefined) throw new LeafProblem('data keys without a key to wrap them with');
  const wrapped = batch === undefined || keys === 0 ? '' : batch.wrap(plainKeys).toString('hex');
  const nonceText = reader.bytes(nonces * NONCE_BYTES).toString('hex');
  const odd = decodeOdd(reader.rest(), batch);

  const rows: LeafRow[] = [];
  let [blob, key, nonce, oddOnes] = [0, 0, 0, 0];
  const first = index * LEAF_BLOCKS;
  for (let i = 0; i < count; i++) {
    const given = classes[i] as number;
    if (given === 0) continue;
    if (given === ODD) {
      const row = odd[oddOnes++];
      if (row === undefined) throw new LeafProblem('too few odd rows');
      rows.push({ id: first + i, ...row });
      continue;
    }
    const hasBlob = (given & BLOB) !== 0;
    const hasKey = (given & KEY) !== 0;
    const hasNonce = (given & NONCE) !== 0;
    rows.push({
      id: first + i,
      uid: hasBlob ? part(prefixes, blob, PREFIX_DIGITS) + part(letters, blob, LETTERS) : null,
      checksum: hasBlob ? part(checksums, blob, 2 * checksumBytes) : null,
      size,
      encVersion: hasKey ? 1 : 0,
      envKey: hasKey ? part(wrapped, key, 2 * WRAPPED_KEY_BYTES) : (given & EMPTY_KEY) !== 0 ? '' : null,
      nonce: hasNonce ? part(nonceText, nonce, 2 * NONCE_BYTES) : null,
      valid: (given & INVALID) === 0,
    });
    if (hasBlob) blob++;
    if (hasKey) key++;
    if (hasNonce) nonce++;
  }
  if (oddOnes !== odd.length) throw new LeafProblem('too many odd rows');
  return rows;
}

function part(text: string, n: number, length: number): string {
  return text.slice(n * length, (n + 1) * length);
}

/** Takes bytes from the start of a payload. */
class Reader {
  readonly #payload: Buffer;
  #at = 0;

  constructor(payload: Uint8Array) {
    this.#payload = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  }

  number(bytes: number): number {
    return this.bytes(bytes).readUIntBE(0, bytes);
  }

  bytes(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#payload.length) throw new LeafProblem('too few bytes');
    const bytes = this.#payload.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  rest(): Buffer {
    return this.#payload.subarray(this.#at);
  }
}
