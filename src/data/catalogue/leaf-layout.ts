/** Bits of a row's class (docs/spec/formats.md §10). 0: the block has no row. */
export const ROW = 1;
export const BLOB = 2;
export const KEY = 4;
export const NONCE = 8;
export const INVALID = 16;
/** The wrapped key is `''` instead of NULL, as sparse blocks of the original have it. */
export const EMPTY_KEY = 32;
/** All of the row is in the text at the end. */
export const ODD = 128;

export const HEADER_BYTES = 8;
export const PREFIX_DIGITS = 10;
export const PREFIX_BYTES = PREFIX_DIGITS / 2;
export const LETTERS = 22;
export const UID_LENGTH = PREFIX_DIGITS + LETTERS;
/** No digest is longer. */
export const MOST_CHECKSUM_BYTES = 64;
export const MOST_SIZE = 2 ** 32 - 1;
