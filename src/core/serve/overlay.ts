import { randomBytes } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, read as readCallback, unlinkSync, write as writeCallback } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { Bitmap } from '../../model/bitmap.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { blockCount, type Geometry } from '../../model/geometry.ts';
import { isHole, punchHole } from '../../native/file-calls.ts';

const read = promisify(readCallback);
const write = promisify(writeCallback);

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
const ZEROS = Buffer.alloc(1024 * 1024);

/**
 * Holds the blocks that were written to an image, in a sparse file as long as the image. The file
 * has no name, so it disappears with the process. Nothing in it must survive, so it is never
 * synced.
 */
export class Overlay {
  /** Blocks whose content is in the overlay. */
  readonly written: Bitmap;
  readonly #fd: number;
  readonly #folder: string;

  /** @param folder of the file, on a file system with sparse files. */
  constructor(folder: string, { blockSize, sizeBytes }: Geometry) {
    this.#folder = folder;
    this.written = new Bitmap(blockCount({ blockSize, sizeBytes }));
    try {
      this.#fd = openNameless(folder);
      ftruncateSync(this.#fd, sizeBytes);
    } catch (error) {
      throw this.#failure('create the file for writes to the image', error);
    }
  }

  /** URL of a source that reads the file. Valid until `close`. */
  get url(): string {
    return `file:///proc/self/fd/${this.#fd}`;
  }

  /** Fills `into`. Blocks that are not `written` read as zeros. */
  async read(into: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await read(this.#fd, into, done, into.length - done, offset + done);
        if (bytesRead === 0) throw new Error('the file ended too early');
        done += bytesRead;
      }
    } catch (error) {
      throw this.#failure('read earlier writes', error);
    }
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await write(this.#fd, bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
    } catch (error) {
      throw this.#failure('store writes', error);
    }
  }

  /** Makes a range read as zeros. Frees its space if the file system can punch holes. */
  async zero(offset: number, length: number): Promise<void> {
    if (punchHole(this.#fd, offset, length)) return;
    for (let done = 0; done < length; done += ZEROS.length) {
      await this.write(ZEROS.subarray(0, Math.min(ZEROS.length, length - done)), offset + done);
    }
  }

  isHole(offset: number, length: number): boolean {
    return isHole(this.#fd, offset, length);
  }

  /** Lists the written blocks as ranges in order. */
  ranges(): IterableIterator<BlockRange> {
    return this.written.ranges();
  }

  close(): void {
    closeSync(this.#fd);
  }

  #failure(action: string, error: unknown): BackyError {
    return new BackyError('io', `Cannot ${action}, in ${this.#folder}: ${messageOf(error)}`, {
      hint: 'Check cachedir in section DEFAULTS, and the space on its file system.',
      cause: error,
    });
  }
}

/** Without O_TMPFILE the file has a name for some microseconds. */
function openNameless(folder: string): number {
  try {
    return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch (error) {
    if (!['EOPNOTSUPP', 'EISDIR', 'EINVAL', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
  const path = join(folder, `backy2-overlay-${randomBytes(8).toString('hex')}`);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(path);
  return fd;
}
