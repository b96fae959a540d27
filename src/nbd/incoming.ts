import type { Socket } from 'node:net';
import { ByteQueue } from './byte-queue.ts';

/** Maximum of buffered bytes that nobody has asked for. Beyond that the socket is paused. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Reads from a socket in the lengths that a protocol needs. One reader at a time. */
export class Incoming {
  readonly #socket: Socket;
  readonly #queue = new ByteQueue();
  #wanted = 0;
  #resolve: ((bytes: Buffer | undefined) => void) | undefined;
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#queue.push(chunk);
      if (this.#resolve === undefined) {
        if (this.#queue.length > MAX_BUFFERED_BYTES) socket.pause();
      } else if (this.#queue.length >= this.#wanted) this.#settle();
    });
    for (const event of ['end', 'close', 'error'] as const) {
      socket.on(event, () => {
        this.#ended = true;
        this.#settle();
      });
    }
  }

  /** Reads exactly `count` bytes. Returns undefined if the connection ends before. */
  async take(count: number): Promise<Buffer | undefined> {
    const bytes = this.#queue.take(count);
    if (bytes !== undefined || this.#ended) return bytes;
    this.#wanted = count;
    this.#socket.resume();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #settle(): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(this.#queue.take(this.#wanted));
  }
}
