/** Clients of one open export, and whether their writes may be saved. */
export class ExportClients {
  #count = 0;
  /**
   * False once a client disappeared before it had flushed its writes. Not every client disconnects
   * properly (nbdfuse does not).
   */
  #isClean = true;
  #isUnflushed = false;
  /** Writes that have not ended. Those of a client that disappeared continue without it. */
  readonly #writes = new Set<Promise<void>>();

  get count(): number {
    return this.#count;
  }

  /** True when every client that left had disconnected properly or flushed its writes. */
  get isClean(): boolean {
    return this.#isClean;
  }

  get isWriting(): boolean {
    return this.#writes.size > 0;
  }

  add(): void {
    this.#count++;
  }

  /** @param isClean whether the client disconnected properly. */
  remove(isClean: boolean): void {
    this.#count--;
    this.#isClean &&= isClean || !this.#isUnflushed;
  }

  /** Waits for a write and remembers that it needs a flush, unless it is forced (FUA). */
  async track(write: Promise<void>, isForced: boolean): Promise<void> {
    if (!isForced) this.#isUnflushed = true;
    this.#writes.add(write);
    await write.finally(() => this.#writes.delete(write));
    // A flush that came during the write did not include it.
    if (!isForced) this.#isUnflushed = true;
  }

  flushed(): void {
    this.#isUnflushed = false;
  }

  /** Waits until all writes have succeeded or failed. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }
}
