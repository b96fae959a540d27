import { fstatSync, read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { isAllZero } from '../../model/zero-test.ts';
import { digHole, dropPageCache, zeroRange } from '../../native/file-calls.ts';
import { thinChunkBytes } from './thin-volume.ts';

const read = promisify(readCallback);

/**
 * The largest logical sector: a device refuses a request for a part of one. To a file system it is
 * a block: fuse2fs zeroes all of it if a hole begins and ends within it.
 */
const SECTOR = 4096;
const READ_BYTES = 1024 * 1024;
/** Refusals in a row after which a call counts as unsupported. */
const MOST_REFUSALS = 8;

/** Ways to make zeros, best first, and the bytes that their requests consist of. */
interface Means {
  ways: readonly Way[];
  unit: number;
}

/** A way to make a range read as zeros. Resolves to false if the system can't. */
type Way = (fd: number, offset: number, length: number) => Promise<boolean>;

/**
 * Makes ranges of an open file or device read as zeros without writing them, where the system can.
 * Each way promises zeros: a discard alone does not.
 */
export class ZeroWriter {
  readonly #fd: number;
  readonly #unit: number;
  readonly #ways: { way: Way; refusals: number }[];
  /** One call at a time: more would be no faster. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param means of the system; tests hand in others. */
  constructor(fd: number, { ways, unit }: Means = meansFor(fd)) {
    this.#fd = fd;
    this.#unit = unit;
    this.#ways = ways.map((way) => ({ way, refusals: 0 }));
  }

  /**
   * Makes zeros of a range. @param write writes them where no other way works: in ranges that the
   * device has no sectors for, for example.
   */
  async zero(offset: number, length: number, write: (offset: number, length: number) => Promise<void>): Promise<void> {
    const end = offset + length;
    const first = Math.min(end, Math.ceil(offset / this.#unit) * this.#unit);
    const last = Math.max(first, Math.floor(end / this.#unit) * this.#unit);
    if (first > offset) await write(offset, first - offset);
    if (last > first && !(await this.#inTurn(first, last - first))) await write(first, last - first);
    if (end > last) await write(last, end - last);
  }

  #inTurn(offset: number, length: number): Promise<boolean> {
    const done = this.#last.then(() => this.#zeroed(offset, length));
    this.#last = done.catch(() => {});
    return done;
  }

  async #zeroed(offset: number, length: number): Promise<boolean> {
    for (const entry of this.#ways) {
      if (entry.refusals >= MOST_REFUSALS) continue;
      if (await entry.way(this.#fd, offset, length)) {
        entry.refusals = 0;
        return true;
      }
      // That one range has data says nothing about the next one.
      if (entry.way !== isZeroAlready) entry.refusals++;
    }
    return false;
  }
}

/** A hole frees space. On a device it is a request that must give zeros, and may free space. */
function meansFor(fd: number): Means {
  const stats = fstatSync(fd);
  const chunkBytes = stats.isBlockDevice() ? thinChunkBytes(stats.rdev) : undefined;
  if (chunkBytes === undefined) return { ways: [digHole, zeroRange], unit: SECTOR };
  // Whole chunks alone: if a later write allocates a chunk, a pool that does not zero its chunks
  // shows old data of others in the rest of it.
  return { ways: [digHole, isZeroAlready, zeroRange], unit: Math.max(SECTOR, chunkBytes) };
}

/** Reads a range. Cheap where nothing is allocated. */
export async function isZeroAlready(fd: number, offset: number, length: number): Promise<boolean> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, length));
  try {
    for (let done = 0; done < length; ) {
      const { bytesRead } = await read(fd, buffer, 0, Math.min(buffer.length, length - done), offset + done);
      if (bytesRead === 0 || !isAllZero(buffer.subarray(0, bytesRead))) return false;
      done += bytesRead;
    }
    return true;
  } catch {
    // Writing says what is wrong.
    return false;
  } finally {
    dropPageCache(fd, offset, length);
  }
}
