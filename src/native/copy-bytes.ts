import { libc } from './libc.ts';

/** Up to this length, a call of libc costs more than it saves. */
const FEW_BYTES = 4096;

/**
 * Copies all of `from` to the start of `to`, which MUST be at least as long and MUST NOT overlap
 * it. For memory shared between threads, `set` takes three times as long: it copies word by word.
 */
export function copyBytes(to: Uint8Array, from: Uint8Array): void {
  if (from.length > to.length) throw new RangeError(`${from.length} bytes do not fit ${to.length}`);
  if (from.length <= FEW_BYTES || !(from.buffer instanceof SharedArrayBuffer)) to.set(from);
  else libc().memcpy(to, from, from.length);
}
