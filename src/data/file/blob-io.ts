import type { FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../errors.ts';
import { DIRECT_ALIGNMENT, isAligned, roundDown, roundUp, setDirect } from '../../native/direct-io.ts';
import { type DirectIoMode, DirectIoSwitch } from '../../native/direct-io-switch.ts';
import { dropPageCache } from '../../native/file-calls.ts';

/**
 * Reads and writes whole files of blobs. Bypasses the page cache if the file system allows it,
 * which the first large blob decides. A blob is rarely needed twice, and copying it through the
 * cache takes half of the system time of a backup. Without direct I/O it drops what it left there.
 */
export class BlobIo {
  readonly #direct: DirectIoSwitch;

  constructor(mode: DirectIoMode) {
    const what = 'The file system of the data backend';
    this.#direct = new DirectIoSwitch(mode, { what, code: 'dataBackend', section: 'DataBackend' });
  }

  /** Writes `bytes` to a new, empty file. They are not durable yet. */
  async write(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    const transfer = this.#begin(handle, bytes);
    const aligned = roundDown(bytes.length);
    for (let done = 0; done < bytes.length; ) {
      done += await transfer.move(done === aligned, done, async (isDirect) => {
        const end = isDirect ? aligned : bytes.length;
        return (await handle.write(bytes, done, end - done, done)).bytesWritten;
      });
    }
  }

  /**
   * Reads the first bytes of a file of `size` bytes, as many as `into` takes. May overwrite the
   * rest of `into`.
   */
  async read(handle: FileHandle, size: number, into: Uint8Array): Promise<void> {
    const wanted = Math.min(size, into.length);
    const transfer = this.#begin(handle, into.subarray(0, wanted));
    // The last page may be read beyond the end of the file.
    const aligned = roundUp(wanted) <= into.length ? roundUp(wanted) : roundDown(wanted);
    for (let done = 0; done < wanted; ) {
      done += await transfer.move(done === aligned, done, async (isDirect) => {
        const end = isDirect ? aligned : wanted;
        const { bytesRead } = await handle.read(into, done, end - done, done);
        if (bytesRead === 0) throw new Error('it became shorter while it was read');
        return bytesRead;
      });
    }
    if (!transfer.isDirect) dropPageCache(handle.fd, 0, 0);
  }

  #begin(handle: FileHandle, bytes: Uint8Array): Transfer {
    const isDirect = this.#direct.isOn && bytes.length >= DIRECT_ALIGNMENT && isAligned(bytes) && this.#ask(handle);
    return new Transfer(handle, isDirect, (cause) => this.#direct.refused(cause));
  }

  #ask(handle: FileHandle): boolean {
    if (setDirect(handle.fd, true)) return true;
    this.#direct.refused();
    return false;
  }
}

/**
 * One pass over an open file. It begins with direct I/O, and ends through the page cache if it
 * must.
 */
class Transfer {
  readonly #handle: FileHandle;
  readonly #onRefusal: (cause: unknown) => void;
  isDirect: boolean;

  constructor(handle: FileHandle, isDirect: boolean, onRefusal: (cause: unknown) => void) {
    this.#handle = handle;
    this.isDirect = isDirect;
    this.#onRefusal = onRefusal;
  }

  /**
   * Moves the next bytes with `call`. Direct I/O takes whole pages: the rest at `isAtRest`, or
   * after a short call, goes through the page cache, as dd does it.
   * @returns bytes moved; 0 if the file system refused direct I/O, and the call is to be repeated.
   */
  async move(isAtRest: boolean, done: number, call: (isDirect: boolean) => Promise<number>): Promise<number> {
    if (isAtRest || done % DIRECT_ALIGNMENT !== 0) this.#leaveDirect();
    try {
      return await call(this.isDirect);
    } catch (error) {
      if (!this.isDirect || errnoOf(error) !== 'EINVAL') throw error;
      // Some file systems take the flag and refuse the first transfer.
      this.#leaveDirect();
      this.#onRefusal(error);
      return 0;
    }
  }

  #leaveDirect(): void {
    if (this.isDirect) setDirect(this.#handle.fd, false);
    this.isDirect = false;
  }
}
