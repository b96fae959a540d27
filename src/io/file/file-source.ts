import { closeSync, constants, fstatSync, openSync, read as readCallback, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import type { DirectIoMode } from '../../native/direct-io-switch.ts';
import { dropPageCache, findHole, isHole } from '../../native/file-calls.ts';
import { CachedRanges, isCached, tellsCachedPages } from '../../native/page-cache.ts';
import type { Source } from '../source.ts';
import { DirectFile } from './direct-file.ts';
import { refuseOtherKinds, sizeOfFile, statIfThere } from './file-size.ts';
import { pathHint } from './path-hint.ts';

const read = promisify(readCallback);

/**
 * A read slower than this was not from memory. Bytes in memory are read best by the thread that
 * hashes them next: the thread pool would take a core from hashing, and the processor's cache would
 * lose them (6 % of a backup). Other reads must not block the thread.
 */
const SLOW_READ_MS = 2;
const FAST_BYTES_PER_MS = 1_000_000;
const READS_TO_NEXT_TRY = 64;

/** How to read a file. */
interface FileSourceOptions {
  /** Calls may block this thread. [true] */
  mayBlock?: boolean | undefined;
  /** [auto] */
  directIo?: DirectIoMode | undefined;
}

/**
 * A regular file or block device. A device is read around the page cache. So is a file, except for
 * ranges that are in memory already: these are read there. Either way, what others have in memory
 * stays. Where this is not possible, reads go through the cache, which is dropped behind them.
 */
export class FileSource implements Source {
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #path: string;
  readonly #mayBlock: boolean;
  readonly #direct: DirectFile;
  readonly #isFile: boolean;
  readonly #inMemory: CachedRanges;
  /** Bytes in memory are to be read there. */
  readonly #prefersMemory: boolean;
  /** The kernel tells which bytes are. Undefined until the first read. */
  #isTold: boolean | undefined;
  /** Reads to make through the thread pool before the next one on this thread. */
  #slowReads = 0;

  constructor(path: string, { mayBlock = true, directIo = 'auto' }: FileSourceOptions = {}) {
    this.#path = path;
    this.#mayBlock = mayBlock;
    this.#fd = openForReading(path);
    try {
      this.sizeBytes = sizeOfFile(this.#fd, path);
      this.#isFile = fstatSync(this.#fd).isFile();
      this.#prefersMemory = directIo === 'auto' && this.#isFile;
      this.#inMemory = new CachedRanges(this.#fd);
      this.#direct = new DirectFile(path, directIo, { fd: this.#fd, flags: constants.O_RDONLY });
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  read(into: Uint8Array, offset: number): Promise<void> | undefined {
    const place = this.#placeOf(into, offset);
    if (place === 'disk') return this.#readDirect(into, offset);
    const isFast = place === 'memory' || this.#slowReads === 0;
    const done = this.#mayBlock && isFast ? this.#readAtOnce(into, offset) : 0;
    const reading = done < into.length ? this.#readRest(into, done, offset) : undefined;
    if (place === 'memory') return reading;
    if (reading !== undefined) return reading.then(() => this.#drop(offset, into.length));
    this.#drop(offset, into.length);
    return undefined;
  }

  isHole(offset: number, length: number): boolean | Promise<boolean> {
    return this.#mayBlock ? isHole(this.#fd, offset, length) : findHole(this.#fd, offset, length);
  }

  async close(): Promise<void> {
    this.#direct.close();
    closeSync(this.#fd);
  }

  /** Where to read a range from. */
  #placeOf(into: Uint8Array, offset: number): 'disk' | 'memory' | 'unknown' {
    if (!this.#direct.takes(into, offset)) return 'unknown';
    if (!this.#prefersMemory) return 'disk';
    this.#isTold ??= tellsCachedPages(this.#fd, this.sizeBytes);
    if (!this.#isTold) return 'unknown';
    return this.#inMemory.has(offset, into.length) ? 'memory' : 'disk';
  }

  #drop(offset: number, length: number): void {
    dropPageCache(this.#fd, offset, length);
  }

  /**
   * Reads on the calling thread. If that takes long, the next reads go through the thread pool,
   * several at a time.
   */
  #readAtOnce(into: Uint8Array, offset: number): number {
    const start = performance.now();
    try {
      const count = readSync(this.#fd, into, 0, into.length, offset);
      if (performance.now() - start > SLOW_READ_MS + count / FAST_BYTES_PER_MS) this.#slowReads = READS_TO_NEXT_TRY;
      return count;
    } catch (error) {
      throw this.#failure(into, offset, error);
    }
  }

  /** The end of the file may be no whole page: that is read through the cache. */
  async #readDirect(into: Uint8Array, offset: number): Promise<void> {
    let done: number;
    try {
      done = await this.#direct.move(into, offset, async (fd, part, at) => (await read(fd, part, 0, part.length, at)).bytesRead);
    } catch (error) {
      throw error instanceof BackyError ? error : this.#failure(into, offset, error);
    }
    await this.#readRest(into, done, offset);
    this.#dropBehindDirect(into.length, done, offset);
  }

  /** Drops what a read of `done` bytes around the cache has left there, not what others have. */
  #dropBehindDirect(length: number, done: number, offset: number): void {
    if (done < length) this.#drop(offset + done, length - done);
    // Some file systems read through the cache nonetheless, like btrfs what is compressed. All of
    // the range is there then, which it was not before.
    if (this.#isFile && done > 0 && isCached(this.#fd, offset, done)) this.#drop(offset, done);
  }

  async #readRest(into: Uint8Array, from: number, offset: number): Promise<void> {
    for (let done = from; done < into.length; ) {
      const count = await this.#readSome(into, done, offset);
      if (count === 0) {
        throw new BackyError(
          'io',
          `${this.#path} ended at offset ${offset + done} while ${into.length - done} more bytes were expected.`,
          {
            hint: 'The source shrank while it was read. Back up a snapshot, or stop what changes its size.',
          },
        );
      }
      done += count;
    }
  }

  async #readSome(into: Uint8Array, done: number, offset: number): Promise<number> {
    if (this.#slowReads > 0) this.#slowReads--;
    try {
      return (await read(this.#fd, into, done, into.length - done, offset + done)).bytesRead;
    } catch (error) {
      throw this.#failure(into, offset, error);
    }
  }

  #failure(into: Uint8Array, offset: number, error: unknown): BackyError {
    return new BackyError('io', `Cannot read ${into.length} bytes at offset ${offset} of ${this.#path}: ${messageOf(error)}`, {
      hint: 'Check the device and the kernel log.',
      cause: error,
    });
  }
}

function openForReading(path: string): number {
  const stats = statIfThere(path);
  if (stats !== undefined) refuseOtherKinds(stats, path);
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new BackyError('io', `Cannot open source ${path}: ${messageOf(error)}`, {
      hint: errnoOf(error) === 'ENOENT' ? pathHint(path, 'Check the path.') : 'Check the permissions of the file or device.',
      cause: error,
    });
  }
}
