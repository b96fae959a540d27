import { closeSync, constants, fsync as fsyncCallback, openSync, write as writeCallback } from 'node:fs';
import { promisify } from 'node:util';
import { BackyError, messageOf } from '../../errors.ts';
import { alignedBytes } from '../../native/direct-io.ts';
import type { DirectIoMode } from '../../native/direct-io-switch.ts';
import { dropPageCache, startWriteback } from '../../native/file-calls.ts';
import { once } from '../../native/once.ts';
import type { Target } from '../target.ts';
import { DirectFile } from './direct-file.ts';
import { ZeroWriter } from './zero-writer.ts';

const fsync = promisify(fsyncCallback);
const write = promisify(writeCallback);

const zeros = once(() => alignedBytes(1024 * 1024));
/** Latest writes whose page cache is kept, so that their writeback ends before it is dropped. */
const KEPT_WRITES = 16;

/** How to write a file. */
interface FileTargetOptions {
  /** [auto] */
  directIo?: DirectIoMode | undefined;
  /** Makes an open file durable; tests hand in one that fails. */
  sync?: (fd: number) => Promise<void>;
}

/**
 * A regular file or block device that exists already and is large enough. Writes bypass the page
 * cache where they can; the others leave it again.
 */
export class FileTarget implements Target {
  readonly #fd: number;
  readonly #path: string;
  readonly #sync: (fd: number) => Promise<void>;
  readonly #written: { offset: number; length: number }[] = [];
  readonly #zeros: ZeroWriter;
  readonly #direct: DirectFile;

  constructor(path: string, { directIo = 'auto', sync = fsync }: FileTargetOptions = {}) {
    this.#path = path;
    this.#sync = sync;
    this.#fd = this.#checked('open', () => openSync(path, 'r+'));
    this.#zeros = new ZeroWriter(this.#fd);
    this.#direct = new DirectFile(path, directIo, { fd: this.#fd, flags: constants.O_RDWR });
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      let done = this.#direct.takes(bytes, offset) ? await this.#writeDirect(bytes, offset) : 0;
      while (done < bytes.length) {
        done += (await write(this.#fd, bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
    } catch (error) {
      throw this.#failure(`write ${bytes.length} bytes at offset ${offset} of`, error);
    }
    // Some file systems write through the cache nonetheless, like btrfs with checksums.
    this.#giveCacheBack(offset, bytes.length);
  }

  #writeDirect(bytes: Uint8Array, offset: number): Promise<number> {
    return this.#direct.move(bytes, offset, async (fd, part, at) => (await write(fd, part, 0, part.length, at)).bytesWritten);
  }

  writeZeros(offset: number, length: number): Promise<void> {
    return this.#zeros.zero(offset, length, (from, count) => this.#writeZeroBytes(from, count));
  }

  async #writeZeroBytes(offset: number, length: number): Promise<void> {
    const bytes = zeros();
    for (let done = 0; done < length; done += bytes.length) {
      await this.write(bytes.subarray(0, Math.min(bytes.length, length - done)), offset + done);
    }
  }

  async flush(): Promise<void> {
    try {
      // Both: to FUSE, a sync is one of its own descriptor.
      const { fd = this.#fd } = this.#direct;
      await Promise.all([...new Set([this.#fd, fd])].map((open) => this.#sync(open)));
    } catch (error) {
      throw this.#failure('flush', error);
    }
    dropPageCache(this.#fd, 0, 0);
  }

  async close(): Promise<void> {
    this.#direct.close();
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
    if (error instanceof BackyError) return error;
    return new BackyError('io', `Cannot ${what} ${this.#path}: ${messageOf(error)}`, {
      hint: 'Check space, permissions and health of the restore target.',
      cause: error,
    });
  }
}
