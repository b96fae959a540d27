import { ALPHABET } from '../blob-uid.ts';
import { LETTERS, PREFIX_BYTES, UID_LENGTH } from './leaf-layout.ts';

/** More than any digit or letter has. */
const NONE = 0x80;

/** For each byte, its place in an alphabet. */
function placesIn(alphabet: string): Uint8Array {
  return new Uint8Array(256).fill(NONE).map((none, code) => {
    const place = alphabet.indexOf(String.fromCharCode(code));
    return place < 0 ? none : place;
  });
}

const DIGITS = placesIn('0123456789abcdef');
const PLACES = placesIn(ALPHABET);

/** The columns of uids: see docs/spec/formats.md §10. */
export interface UidColumns {
  prefixes: Buffer;
  letters: Buffer;
}

/** Undefined unless all of these are uids of blobs. Quicker than a pattern for each of them. */
export function uidColumns(uids: readonly string[]): UidColumns | undefined {
  const text = uids.join('');
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length !== uids.length * UID_LENGTH || bytes.toString('latin1') !== text) return undefined;
  const prefixes = Buffer.allocUnsafe(uids.length * PREFIX_BYTES);
  const letters = Buffer.allocUnsafe(uids.length * LETTERS);
  let wrong = 0;
  let at = 0;
  for (let n = 0; n < uids.length; n++) {
    for (let i = n * PREFIX_BYTES; i < (n + 1) * PREFIX_BYTES; i++) {
      const high = DIGITS[bytes[at++] as number] as number;
      const low = DIGITS[bytes[at++] as number] as number;
      wrong |= high | low;
      prefixes[i] = (high << 4) | low;
    }
    for (let i = n * LETTERS; i < (n + 1) * LETTERS; i++) {
      const letter = bytes[at++] as number;
      wrong |= PLACES[letter] as number;
      letters[i] = letter;
    }
  }
  return (wrong & NONE) === 0 ? { prefixes, letters } : undefined;
}
