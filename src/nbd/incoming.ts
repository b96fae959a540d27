import type { Socket } from 'node:net';
import { ByteQueue } from './byte-queue.ts';

/** Bytes that wait unasked for, at most: beyond that the client has to wait. */
const AHEAD_BYTES = 1024 * 1024;

/** What comes from a socket, to be awaited in the lengths that a protocol has. One reader at a time. */
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
        if (this.#queue.length > AHEAD_BYTES) socket.pause();
      } else if (this.#queue.length >= this.#wanted) this.#settle();
    });
    for (const event of ['end', 'close', 'error'] as const) {
      socket.on(event, () => {
        this.#ended = true;
        this.#settle();
      });
    }
  }

  /** Exactly `count` bytes, or undefined when the connection ended before they came. */
  async take(count: number): Promise<Buffer | undefined> {
    const there = this.#queue.take(count);
    if (there !== undefined || this.#ended) return there;
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
