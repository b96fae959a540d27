import { errnoOf } from '../../errors.ts';

/** The errors when the reader has closed the pipe or the terminal is gone. */
const NO_READER = new Set(['EPIPE', 'EIO']);
/** Bytes of log lines that wait for a slow reader. */
const MOST_LINE_BYTES = 256 * 1024;
/** Small, so that a slow reader differs from one that reads nothing. */
const PIECE_BYTES = 16 * 1024;
/** Until the next try on a full descriptor that its other users have made non-blocking. */
const RETRY_MS = 20;

/** How a channel writes. Handed in, so that a test can play a reader. */
export interface ChannelCalls {
  /** False for a disk: all its errors are errors. */
  hasReader: boolean;
  /** Writes on this thread and MUST NOT wait; undefined if only `write` can do that. */
  writeNow: ((bytes: Uint8Array) => number) | undefined;
  /** Writes some bytes, and waits for room without blocking this thread. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * An open file that takes text in order and never blocks this thread. Text is written at once if
 * there is room, so that a kill loses nothing. The rest waits in memory for the reader.
 */
export class Channel {
  readonly #calls: ChannelCalls;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #droppedLines = 0;
  #isClosed = false;
  #failure: unknown;
  #draining: Promise<void> | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(calls: ChannelCalls) {
    this.#calls = calls;
  }

  /** Whether text is still on its way. */
  get isBusy(): boolean {
    return this.#draining !== undefined;
  }

  /**
   * Writes text. The caller MUST wait for {@link room} before it makes more.
   * @returns false if the reader has closed the pipe; further writes are useless.
   * @throws the system's error, also that of an earlier text.
   */
  write(text: string): boolean {
    this.#throwFailure();
    if (this.#isClosed) return false;
    const bytes = Buffer.from(text);
    if (this.#draining !== undefined) this.#push(bytes);
    else {
      const done = this.#writeNow(bytes);
      if (done < bytes.length) this.#push(bytes.subarray(done));
    }
    return !this.#isClosed;
  }

  /**
   * Writes a line of a log, which nobody waits for. Drops it if too many wait for the reader.
   * @returns false if the reader has closed the pipe.
   * @throws the system's error, also that of an earlier line.
   */
  writeLine(line: string): boolean {
    if (this.#queuedBytes <= MOST_LINE_BYTES) return this.write(line);
    this.#droppedLines++;
    return true;
  }

  /** The number of lines dropped since the last call, once there is room again. */
  takeDropped(): number {
    if (this.#queuedBytes > MOST_LINE_BYTES / 2) return 0;
    const dropped = this.#droppedLines;
    this.#droppedLines = 0;
    return dropped;
  }

  /**
   * Waits until all text is written; undefined if it is.
   * @throws the system's error; the reason of `signal` if it is aborted and the text is not written
   * in `afterAbortMs`.
   */
  room(stop?: Omit<SettleOptions, 'idleMs'>): Promise<void> | undefined {
    this.#throwFailure();
    return this.#draining === undefined ? undefined : this.#waitForRoom(stop);
  }

  async #waitForRoom(stop: Omit<SettleOptions, 'idleMs'> = { afterAbortMs: Infinity }): Promise<void> {
    if (!(await this.settle({ idleMs: Infinity, ...stop }))) throw stop.signal?.reason;
    this.#throwFailure();
  }

  /**
   * Waits until all text is written, or until the reader has taken nothing for `idleMs`. Once
   * `signal` is aborted, waits for `afterAbortMs` at most, however much the reader takes.
   * @returns whether all text is written.
   */
  async settle({ idleMs, afterAbortMs, signal }: SettleOptions): Promise<boolean> {
    let endMs = Infinity;
    while (this.#draining !== undefined) {
      const now = performance.now();
      if (signal?.aborted === true) endMs = Math.min(endMs, now + afterAbortMs);
      if (now >= endMs || !(await this.#moved(Math.min(idleMs, endMs - now), signal))) break;
    }
    return this.#draining === undefined;
  }

  /** Waits for progress of the reader or for an abort. @returns false if none came in `limitMs`. */
  async #moved(limitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let onMove = () => {};
    const hasMoved = await new Promise<boolean>((resolve) => {
      onMove = () => resolve(true);
      this.#waiting.add(onMove);
      // After the abort, only the limit counts.
      if (signal?.aborted === false) signal.addEventListener('abort', onMove);
      if (limitMs < Infinity) timer = setTimeout(() => resolve(false), limitMs);
    });
    clearTimeout(timer);
    this.#waiting.delete(onMove);
    signal?.removeEventListener('abort', onMove);
    return hasMoved;
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** @returns the number of bytes written. */
  #writeNow(bytes: Uint8Array): number {
    const { writeNow } = this.#calls;
    let done = 0;
    try {
      while (writeNow !== undefined && done < bytes.length) done += writeNow(bytes.subarray(done));
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return done;
      if (!this.#closeIfUnread(error)) throw error;
    }
    return this.#isClosed ? bytes.length : done;
  }

  #push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      for (let bytes = this.#queue[0]; bytes !== undefined; bytes = this.#queue[0]) {
        const done = await this.#writeSome(bytes.subarray(0, PIECE_BYTES));
        const more = done < bytes.length ? this.#writeNow(bytes.subarray(done)) : 0;
        this.#take(done + more);
      }
    } catch (error) {
      if (!this.#closeIfUnread(error)) this.#failure = error;
    }
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#draining = undefined;
    this.#tell();
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    try {
      return await this.#calls.write(bytes);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return 0;
    }
  }

  /** Removes written bytes from the queue. */
  #take(count: number): void {
    const first = this.#queue[0];
    if (count === 0 || first === undefined) return;
    this.#queuedBytes -= count;
    if (count < first.length) this.#queue[0] = first.subarray(count);
    else this.#queue.shift();
    this.#tell();
  }

  #tell(): void {
    for (const onMove of this.#waiting) onMove();
  }

  #closeIfUnread(error: unknown): boolean {
    if (!this.#calls.hasReader || !NO_READER.has(errnoOf(error) ?? '')) return false;
    this.#isClosed = true;
    return true;
  }
}

/** How long {@link Channel.settle} waits. */
export interface SettleOptions {
  idleMs: number;
  afterAbortMs: number;
  signal?: AbortSignal | undefined;
}
