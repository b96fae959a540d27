/** A uid of the right length, made from a number. */
export const uidOf = (n: number) => `${String(n).padStart(10, '0')}${'A'.repeat(22)}`;
/** A checksum of the right length, made from a number. */
export const sumOf = (n: number) => String(n).padStart(128, '0');
