import { BackyError } from '../../errors.ts';
import { settled } from '../../native/async-call.ts';
import { FADVISE_DONTNEED, librbd } from '../../native/librbd.ts';
import type { Source } from '../source.ts';
import { cephError } from './ceph-errors.ts';
import type { OpenImage } from './image-calls.ts';

/**
 * An open image or snapshot, for one of the threads that share it: one connection and one image
 * serve all. libuv's pool (`UV_THREADPOOL_SIZE`) limits the reads at once.
 */
export class RbdSource implements Source {
  readonly sizeBytes: number;
  readonly #image: OpenImage;
  readonly #url: string;
  readonly #library = librbd();

  constructor(url: string, image: OpenImage) {
    this.#url = url;
    this.#image = image;
    this.sizeBytes = image.sizeBytes;
  }

  async read(into: Uint8Array, offset: number): Promise<void> {
    // With a wrong length, librbd would write past the buffer.
    const { handle } = this.#image;
    const result = await settled(into, (done) =>
      this.#library.read.async(handle, offset, into.length, into, FADVISE_DONTNEED, done),
    );
    if (result === into.length) return;
    if (result < 0) throw cephError(`read ${into.length} bytes at offset ${offset} of ${this.#url}`, result);
    throw new BackyError(
      'io',
      `${this.#url} ended at offset ${offset + result} while ${into.length - result} more bytes were expected.`,
      { hint: 'The image shrank while it was read. Back up a snapshot, or stop what changes its size.' },
    );
  }

  isHole(): boolean {
    return false;
  }

  /** Nothing to do: the main thread closes the image. */
  async close(): Promise<void> {}
}
