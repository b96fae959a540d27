/** Memory that the connections of a server share. First come, first served. */
export class SharedBytes {
  readonly #total: number;
  #free: number;
  readonly #waiting: { bytes: number; resolve: () => void }[] = [];

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /** Whether a connection waits for memory. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Takes part of the memory, at most all of it. The caller MUST give the same number back. Returns
   * undefined if it need not wait.
   */
  take(wantedBytes: number): Promise<void> | undefined {
    const bytes = Math.min(wantedBytes, this.#total);
    if (!this.isWanted && bytes <= this.#free) {
      this.#free -= bytes;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, resolve });
    });
  }

  give(takenBytes: number): void {
    this.#free += Math.min(takenBytes, this.#total);
    for (let first = this.#waiting[0]; first !== undefined && first.bytes <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.resolve();
    }
  }
}
