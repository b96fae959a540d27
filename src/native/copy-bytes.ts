import { libc } from './libc.ts';

/** Up to here a call of libc costs more than it saves. */
const FEW_BYTES = 4096;

/**
 * Copies all of `from` to the start of `to`, which MUST be as long at least and MUST NOT overlap it. `set` takes three times as long for bytes that are
 * shared between threads: it moves them word by word, since others might look at them meanwhile.
 */
export function copyBytes(to: Uint8Array, from: Uint8Array): void {
  if (from.length > to.length) throw new RangeError(`${from.length} bytes do not fit ${to.length}`);
  if (from.length <= FEW_BYTES || !(from.buffer instanceof SharedArrayBuffer)) to.set(from);
  else libc().memcpy(to, from, from.length);
}
