import { BackyError } from '../../errors.ts';
import { settled } from '../../native/async-call.ts';
import { FADVISE_DONTNEED, librbd } from '../../native/librbd.ts';
import type { Target } from '../target.ts';
import { cephError } from './ceph-errors.ts';
import type { OpenImage } from './image-calls.ts';

const ZEROS = new Uint8Array(4 * 1024 * 1024);
/** Bytes of zeros of one call: each of their objects is a request, all at once. */
const ZEROS_AT_ONCE = 64 * 1024 * 1024;

/**
 * An image open for writing, for one of the threads that share it: with an image each, they would
 * take its lock from each other.
 */
export class RbdTarget implements Target {
  readonly #image: OpenImage;
  readonly #url: string;
  readonly #library = librbd();

  constructor(url: string, image: OpenImage) {
    this.#url = url;
    this.#image = image;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    const { handle } = this.#image;
    const result = await settled(bytes, (done) =>
      this.#library.write.async(handle, offset, bytes.length, bytes, FADVISE_DONTNEED, done),
    );
    this.#check(result, bytes.length, offset);
  }

  async writeZeros(offset: number, length: number): Promise<void> {
    const { writeZeros } = this.#library;
    const { handle } = this.#image;
    if (writeZeros === undefined) return this.#writeZerosAsBytes(offset, length);
    for (let done = 0; done < length; done += ZEROS_AT_ONCE) {
      const count = Math.min(ZEROS_AT_ONCE, length - done);
      const result = await settled(ZEROS, (end) => writeZeros.async(handle, offset + done, count, 0, FADVISE_DONTNEED, end));
      this.#check(result, count, offset + done);
    }
  }

  async flush(): Promise<void> {
    const result = await settled(ZEROS, (done) => this.#library.flush.async(this.#image.handle, done));
    if (result < 0) throw cephError(`flush ${this.#url}`, result);
  }

  /** Nothing to do: the main thread closes the image. */
  async close(): Promise<void> {}

  async #writeZerosAsBytes(offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += ZEROS.length) {
      await this.write(ZEROS.subarray(0, Math.min(ZEROS.length, length - done)), offset + done);
    }
  }

  #check(result: number, length: number, offset: number): void {
    if (result === length) return;
    if (result < 0) throw cephError(`write ${length} bytes at offset ${offset} of ${this.#url}`, result);
    throw new BackyError('io', `${this.#url} took only ${result} of ${length} bytes at offset ${offset}.`, {
      hint: 'The image shrank while it was written.',
    });
  }
}
