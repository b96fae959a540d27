import { randomFillSync } from 'node:crypto';
import { BackyError } from '../errors.ts';
import { hexDigests } from '../model/hex-digests.ts';

/** The letters of a blob uid, in the order of their values. */
export const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const UUID_LETTERS = 22;
const UUID_BYTES = 16;
const PREFIX_DIGITS = 10;
/** 57^4: four letters are cut off with one division of numbers that stay below 2^53. */
const FOUR_LETTERS = 57 ** 4;

const BLOB_UID = /^[0-9a-f]{10}[2-9A-HJ-NP-Za-km-z]{22}$/;

/**
 * Whether a text has the form that {@link newBlobUid} makes. Only such a text may become part of a
 * path or a key: rows of a damaged database, or an import, may hold anything.
 */
export function isBlobUid(text: string): boolean {
  return BLOB_UID.test(text);
}

/** Whether the first ten digits of a blob uid fit the rest: a changed letter shows. */
export function hasItsPrefix(uid: string): boolean {
  return md5(uid.slice(PREFIX_DIGITS)).startsWith(uid.slice(0, PREFIX_DIGITS));
}

/** For writes and deletes. Throws a BackyError (`dataBackend`) unless `uid` is a blob uid. */
export function refuseUnsafeUid(uid: string): void {
  if (isBlobUid(uid)) return;
  throw new BackyError('dataBackend', `"${uid}" can't be the uid of a blob.`, {
    hint: 'A row of the database is damaged. Find its version with: backy2 scrub',
  });
}

/** For reads: only this block is bad, not the storage. Throws a BackyError (`blobUnreadable`). */
export function refuseUnreadableUid(uid: string): void {
  if (isBlobUid(uid)) return;
  throw new BackyError('blobUnreadable', `"${uid}" can't be the uid of a blob.`, {
    hint: 'Its row in the database is damaged, or came from a forged import.',
  });
}

/**
 * A new blob uid: a random UUID in the 57-letter alphabet behind the first ten hex digits of its
 * md5 (docs/spec/formats.md §1). About 1 µs: it is made for every stored block.
 */
export function newBlobUid(): string {
  const letters = toLetters(uuids.next());
  return md5(letters).slice(0, PREFIX_DIGITS) + letters;
}

const md5 = hexDigests('md5');

/**
 * Version 4 UUIDs, drawn many at once: a call of the system's generator for each would cost more
 * than all the rest.
 */
class RandomUuids {
  readonly #random = Buffer.alloc(UUID_BYTES * 256);
  #used = this.#random.length;

  /** The bytes of a UUID, valid until the next call. */
  next(): Buffer {
    if (this.#used === this.#random.length) {
      randomFillSync(this.#random);
      this.#used = 0;
    }
    const bytes = this.#random.subarray(this.#used, this.#used + UUID_BYTES);
    this.#used += UUID_BYTES;
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    return bytes;
  }
}

const uuids = new RandomUuids();

/** Base 57, most significant digit first, left-padded with the alphabet's first letter. */
export function toLetters(uuid: Buffer): string {
  // The 128-bit number as five limbs of 26 bits: limb × 57^4 stays below 2^53.
  const limbs = toLimbs(uuid);
  let letters = '';
  while (letters.length < UUID_LETTERS) letters = lastFour(divide(limbs)) + letters;
  return letters.slice(-UUID_LETTERS);
}

const LIMB = 2 ** 26;

/** Most significant first: 24 bits, then four times 26. */
function toLimbs(uuid: Buffer): number[] {
  const [a, b, c, d] = [uuid.readUInt32BE(0), uuid.readUInt32BE(4), uuid.readUInt32BE(8), uuid.readUInt32BE(12)];
  const rest = [(a << 18) | (b >>> 14), (b << 12) | (c >>> 20), (c << 6) | (d >>> 26), d];
  return [a >>> 8, ...rest.map((bits) => bits & (LIMB - 1))];
}

/** Divides `limbs` by 57^4 in place. @returns the remainder. */
function divide(limbs: number[]): number {
  let remainder = 0;
  for (let i = 0; i < limbs.length; i++) {
    const value = remainder * LIMB + (limbs[i] ?? 0);
    limbs[i] = Math.floor(value / FOUR_LETTERS);
    remainder = value % FOUR_LETTERS;
  }
  return remainder;
}

/** All words of two letters, in the order of their numbers. */
const PAIRS = Array.from(ALPHABET).flatMap((first) => Array.from(ALPHABET, (second) => first + second));

function lastFour(value: number): string {
  return (PAIRS[Math.floor(value / PAIRS.length)] ?? '') + (PAIRS[value % PAIRS.length] ?? '');
}
