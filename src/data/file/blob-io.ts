import type { FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../errors.ts';
import { DIRECT_ALIGNMENT, isAligned, roundDown, roundUp, setDirect } from '../../native/direct-io.ts';
import { dropPageCache } from '../../native/file-calls.ts';

/** Below this length, the page cache costs nothing that could be measured. */
const LEAST_DIRECT_BYTES = 64 * 1024;

/**
 * Reads and writes files of blobs as a whole. Passes by the page cache if the file system lets it,
 * which the first file decides: a blob is rarely needed twice, and copying it through the cache
 * takes half of the processor time of a backup. Otherwise it drops what it leaves in the cache.
 */
export class BlobIo {
  #isDirect: boolean;

  /** `isDirect`: try direct I/O. */
  constructor(isDirect: boolean) {
    this.#isDirect = isDirect;
  }

  /** Writes `bytes` to a new, empty file. Not durable yet. */
  async write(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    let isDirect = this.#begin(handle, bytes);
    let end = isDirect ? roundDown(bytes.length) : bytes.length;
    for (let done = 0; done < bytes.length; ) {
      if (isDirect && (done === end || done % DIRECT_ALIGNMENT !== 0)) {
        // The rest is no multiple of the alignment.
        setDirect(handle.fd, false);
        isDirect = false;
        end = bytes.length;
      }
      try {
        done += (await handle.write(bytes, done, end - done, done)).bytesWritten;
      } catch (error) {
        if (!isDirect || errnoOf(error) !== 'EINVAL') throw error;
        this.#refused(handle);
        isDirect = false;
        end = bytes.length;
      }
    }
  }

  /** Reads the first bytes of a file of `size` bytes, as many as `into` takes. */
  async read(handle: FileHandle, size: number, into: Uint8Array): Promise<void> {
    const wanted = Math.min(size, into.length);
    let isDirect = this.#begin(handle, into.subarray(0, wanted));
    for (let done = 0; done < wanted; ) {
      // Direct I/O takes whole pages. The last one may be read past the end of the file.
      const end = roundUp(wanted) <= into.length ? roundUp(wanted) : roundDown(wanted);
      if (isDirect && (done === end || done % DIRECT_ALIGNMENT !== 0)) {
        setDirect(handle.fd, false);
        isDirect = false;
      }
      try {
        const { bytesRead } = await handle.read(into, done, (isDirect ? end : wanted) - done, done);
        if (bytesRead === 0) throw new Error('it became shorter while it was read');
        done += bytesRead;
      } catch (error) {
        if (!isDirect || errnoOf(error) !== 'EINVAL') throw error;
        this.#refused(handle);
        isDirect = false;
      }
    }
    if (!isDirect) dropPageCache(handle.fd, 0, 0);
  }

  #begin(handle: FileHandle, bytes: Uint8Array): boolean {
    if (!this.#isDirect || bytes.length < LEAST_DIRECT_BYTES || !isAligned(bytes)) return false;
    this.#isDirect = setDirect(handle.fd, true);
    return this.#isDirect;
  }

  /** Some file systems take the flag, and refuse the first transfer. */
  #refused(handle: FileHandle): void {
    this.#isDirect = false;
    setDirect(handle.fd, false);
  }
}
