/** Hex digits that each blob's uid begins with (docs/spec/formats.md §1). */
const UID_DIGITS = 10;

/** `count` random points in the order of blob uids. */
export function randomUids(count: number, random: () => number): string[] {
  const digits = () => Math.floor(random() * 2 ** (UID_DIGITS * 4)).toString(16);
  return Array.from({ length: count }, () => digits().padStart(UID_DIGITS, '0'));
}

/** `count` random block ids of a version of `size` blocks. */
export function randomIds(count: number, size: number, random: () => number): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * size));
}
