/** No digest, wrapped key or nonce is longer. Other texts follow a longer mark. */
const LONGEST_BYTES = 64;
const TEXT_FOLLOWS = Buffer.alloc(LONGEST_BYTES + 1, 0xff);

/**
 * The bytes of a checksum, wrapped key or nonce (docs/spec/formats.md §9). Any text comes back from
 * {@link toText}, also one that is no hex, as imports and other programs may have left.
 */
export function toBytes(text: string | null): Buffer | null {
  if (text === null) return null;
  // Decoding and encoding takes half the time of a regular expression.
  const bytes = text.length <= 2 * LONGEST_BYTES ? Buffer.from(text, 'hex') : undefined;
  return bytes?.toString('hex') === text ? bytes : Buffer.concat([TEXT_FOLLOWS, Buffer.from(text)]);
}

/** The inverse of {@link toBytes}, from hex: a database makes it faster than buffers. */
export function toText(hex: string | null): string | null {
  if (hex === null || hex.length <= 2 * LONGEST_BYTES) return hex;
  return Buffer.from(hex, 'hex').toString('utf8', TEXT_FOLLOWS.length);
}
