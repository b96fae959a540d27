import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import { DIRECT_ALIGNMENT, isAligned, roundDown } from '../../native/direct-io.ts';
import { type DirectIoMode, DirectIoSwitch } from '../../native/direct-io-switch.ts';

/**
 * Smaller transfers go through the page cache unless the option is `on`. The kernel merges them
 * there, while each direct one is a request of its own: pieces of 16 KiB took three times as long,
 * those of 64 KiB less.
 */
const LEAST_BYTES = 65_536;

/** Moves bytes at an offset. Resolves to the number of bytes moved: may be fewer. */
type Call = (fd: number, bytes: Uint8Array, offset: number) => Promise<number>;

/**
 * A second descriptor of an open file or device: its transfers bypass the page cache. The first one
 * can't be switched, since it has transfers in flight. A direct transfer covers whole pages of one
 * block, so no page is both in the cache and under way here. The kernel keeps the two coherent: a
 * direct read first writes the dirty pages of its range, and a direct write drops its pages.
 */
export class DirectFile {
  readonly #beside: { fd: number; flags: number };
  readonly #switch: DirectIoSwitch;
  readonly #leastBytes: number;
  #fd: number | undefined;

  /** @param beside the descriptor through the cache, and the access that both have. */
  constructor(path: string, mode: DirectIoMode, beside: { fd: number; flags: number }) {
    this.#beside = beside;
    this.#switch = new DirectIoSwitch(mode, { what: path, code: 'refused', section: 'io_file' });
    this.#leastBytes = mode === 'on' ? DIRECT_ALIGNMENT : LEAST_BYTES;
  }

  /** The descriptor; undefined while no transfer has needed it. */
  get fd(): number | undefined {
    return this.#fd;
  }

  /**
   * Whether a range is to bypass the cache: its memory and its offset are aligned, and the system
   * has not refused.
   * @throws BackyError if it refuses now, and the option demands it.
   */
  takes(bytes: Uint8Array, offset: number): boolean {
    if (!this.#switch.isOn || bytes.length < this.#leastBytes || offset % DIRECT_ALIGNMENT !== 0 || !isAligned(bytes))
      return false;
    this.#fd ??= this.#open();
    return this.#fd !== undefined;
  }

  /**
   * Moves the whole pages of a range that it takes.
   * @returns bytes moved, from the start. The rest, which may be all, is for the cache: the end of
   * a page, or what follows a short transfer that did not end with a page.
   */
  async move(bytes: Uint8Array, offset: number, call: Call): Promise<number> {
    const pages = roundDown(bytes.length);
    let done = 0;
    while (this.#fd !== undefined && done < pages && done % DIRECT_ALIGNMENT === 0) {
      try {
        const count = await call(this.#fd, bytes.subarray(done, pages), offset + done);
        if (count === 0) break;
        done += count;
      } catch (error) {
        // Some file systems take the flag and refuse the transfer.
        if (errnoOf(error) !== 'EINVAL') throw error;
        this.#switch.refused(error);
        break;
      }
    }
    return done;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Not by its path, which may lead to another file by now. */
  #open(): number | undefined {
    try {
      return openSync(`/proc/self/fd/${this.#beside.fd}`, this.#beside.flags | constants.O_DIRECT);
    } catch (error) {
      this.#switch.refused(error);
      return undefined;
    }
  }
}
