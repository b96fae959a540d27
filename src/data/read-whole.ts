import { BackyError } from '../errors.ts';
import { alignedBytes } from '../native/direct-io.ts';

/** Most objects fit, so that one call reads them. */
const FIRST_BYTES = 128 * 1024;
/** More bytes than any object has: what is longer is something else. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Reads an object whose length is not known. `get` fills a buffer as far as it goes; it gives the
 * whole length, or undefined when there is no object. It is called again if the object is longer.
 */
export async function readWhole(
  what: string,
  get: (into: Uint8Array) => Promise<number | undefined>,
): Promise<Uint8Array | undefined> {
  for (let room = FIRST_BYTES; ; ) {
    const into = alignedBytes(room).subarray(0, room);
    const length = await get(into);
    if (length === undefined || length <= room) return length === undefined ? undefined : into.subarray(0, length);
    if (length > MOST_BYTES) throw new BackyError('blobUnreadable', `${what} can't be read: it has ${length} bytes.`);
    room = length;
  }
}
