import { closeSync, fsync as fsyncCallback, openSync, write as writeCallback } from 'node:fs';
import { promisify } from 'node:util';
import { BackyError, messageOf } from '../../errors.ts';
import { dropPageCache, startWriteback } from '../../native/file-calls.ts';
import type { Target } from '../target.ts';
import { ZeroWriter } from './zero-writer.ts';

const fsync = promisify(fsyncCallback);
const write = promisify(writeCallback);

const ZEROS = Buffer.alloc(1024 * 1024);
/** Latest writes whose page cache is kept, so that their writeback ends before it is dropped. */
const KEPT_WRITES = 16;

/** A regular file or block device that exists already and is large enough. */
export class FileTarget implements Target {
  readonly #fd: number;
  readonly #path: string;
  readonly #sync: (fd: number) => Promise<void>;
  readonly #written: { offset: number; length: number }[] = [];
  readonly #zeros: ZeroWriter;

  /** @param sync makes an open file durable; tests hand in one that fails. */
  constructor(path: string, sync: (fd: number) => Promise<void> = fsync) {
    this.#path = path;
    this.#sync = sync;
    this.#fd = this.#checked('open', () => openSync(path, 'r+'));
    this.#zeros = new ZeroWriter(this.#fd);
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await write(this.#fd, bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
    } catch (error) {
      throw this.#failure(`write ${bytes.length} bytes at offset ${offset} of`, error);
    }
    this.#giveCacheBack(offset, bytes.length);
  }

  writeZeros(offset: number, length: number): Promise<void> {
    return this.#zeros.zero(offset, length, (from, count) => this.#writeZeroBytes(from, count));
  }

  async #writeZeroBytes(offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += ZEROS.length) {
      await this.write(ZEROS.subarray(0, Math.min(ZEROS.length, length - done)), offset + done);
    }
  }

  async flush(): Promise<void> {
    try {
      await this.#sync(this.#fd);
    } catch (error) {
      throw this.#failure('flush', error);
    }
    dropPageCache(this.#fd, 0, 0);
  }

  async close(): Promise<void> {
    closeSync(this.#fd);
  }

  /**
   * Starts the writeback of a range, and drops the page cache of an older one, which is clean by
   * now.
   */
  #giveCacheBack(offset: number, length: number): void {
    startWriteback(this.#fd, offset, length);
    this.#written.push({ offset, length });
    if (this.#written.length <= KEPT_WRITES) return;
    const old = this.#written.shift();
    if (old !== undefined) dropPageCache(this.#fd, old.offset, old.length);
  }

  #checked<T>(what: string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#failure(what, error);
    }
  }

  #failure(what: string, error: unknown): BackyError {
    return new BackyError('io', `Cannot ${what} ${this.#path}: ${messageOf(error)}`, {
      hint: 'Check space, permissions and health of the restore target.',
      cause: error,
    });
  }
}
