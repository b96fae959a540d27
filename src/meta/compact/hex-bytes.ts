const HEX = /^(?:[0-9a-f]{2})*$/;
/**
 * Longer than any digest, wrapped key or nonce in hex: other texts are behind this number of bytes.
 */
const LONGEST_BYTES = 64;
const TEXT_FOLLOWS = Buffer.alloc(LONGEST_BYTES + 1, 0xff);

/**
 * The bytes of a checksum, wrapped key or nonce (docs/spec/formats.md §9). Any text comes back from
 * {@link toText}, also one that is no hex, as imports and other programs may have left.
 */
export function toBytes(text: string | null): Buffer | null {
  if (text === null) return null;
  if (text.length <= 2 * LONGEST_BYTES && HEX.test(text)) return Buffer.from(text, 'hex');
  return Buffer.concat([TEXT_FOLLOWS, Buffer.from(text)]);
}

/** The inverse of {@link toBytes}. */
export function toText(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  return bytes.length <= LONGEST_BYTES ? bytes.toString('hex') : bytes.toString('utf8', TEXT_FOLLOWS.length);
}
