import type { Socket } from 'node:net';
import { ByteQueue } from './byte-queue.ts';
import { ClientFault } from './client-fault.ts';
import type { Patience } from './patience.ts';

/** Maximum of buffered bytes that nobody has asked for. Beyond that the socket is paused. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** A reader that waits for bytes. */
interface Wait {
  count: number;
  resolve(bytes: Buffer | undefined): void;
  reject(error: Error): void;
  patience: Patience | undefined;
  timer: NodeJS.Timeout | undefined;
  beganMs: number;
}

/** Reads from a socket in the lengths that a protocol needs. One reader at a time. */
export class Incoming {
  readonly #socket: Socket;
  readonly #queue = new ByteQueue();
  #wait: Wait | undefined;
  #lastMs = 0;
  #ended = false;
  readonly #listeners: [event: string, listener: (chunk: Buffer) => void][];

  constructor(socket: Socket) {
    this.#socket = socket;
    const end = () => {
      this.#ended = true;
      this.#settle();
    };
    this.#listeners = [
      ['data', (chunk) => this.#push(chunk)],
      ['end', end],
      ['close', end],
      ['error', end],
    ];
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
  }

  /**
   * Reads exactly `count` bytes. Returns undefined if the connection ends before, and rejects with
   * a ClientFault if `patience` is over.
   */
  async take(count: number, patience?: Patience): Promise<Buffer | undefined> {
    const bytes = this.#queue.take(count);
    if (bytes !== undefined || this.#ended) return bytes;
    return new Promise((resolve, reject) => {
      const wait: Wait = { count, resolve, reject, patience, timer: undefined, beganMs: 0 };
      this.#wait = wait;
      if (patience?.fromFirstByte === false || this.#queue.length > 0) this.#begin(wait);
      this.#socket.resume();
    });
  }

  /**
   * Stops reading from the socket, so that another reader can. Returns false if bytes were read
   * that nobody has asked for.
   */
  detach(): boolean {
    for (const [event, listener] of this.#listeners) this.#socket.off(event, listener);
    this.#socket.pause();
    return this.#queue.length === 0;
  }

  #push(chunk: Buffer): void {
    this.#queue.push(chunk);
    const wait = this.#wait;
    if (wait === undefined) {
      if (this.#queue.length > MAX_BUFFERED_BYTES) this.#socket.pause();
    } else if (this.#queue.length >= wait.count) this.#settle();
    else if (wait.timer === undefined) this.#begin(wait);
    else this.#lastMs = performance.now();
  }

  #begin(wait: Wait): void {
    const { patience } = wait;
    if (patience === undefined) return;
    wait.beganMs = performance.now();
    this.#lastMs = wait.beganMs;
    const check = () => {
      const nowMs = performance.now();
      // Timers may fire a fraction of a millisecond early.
      const [waitedMs, quietMs] = [nowMs - wait.beganMs + 1, nowMs - this.#lastMs + 1];
      if (this.#wait !== wait || !patience.isOver(waitedMs, quietMs, this.#queue.length)) return;
      this.#forget();
      wait.reject(new ClientFault(patience.fault));
    };
    // If this program was busy, the bytes may be here already. They are read before the check.
    wait.timer = setInterval(() => setImmediate(check), patience.checkMs);
  }

  #settle(): void {
    const wait = this.#forget();
    wait?.resolve(this.#queue.take(wait.count));
  }

  #forget(): Wait | undefined {
    const wait = this.#wait;
    this.#wait = undefined;
    clearInterval(wait?.timer);
    return wait;
  }
}
