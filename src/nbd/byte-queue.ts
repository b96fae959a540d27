/** Buffers bytes from a socket, so that a protocol can take them in the lengths it needs. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that were taken. */
  #start = 0;
  #length = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /**
   * Takes exactly `count` bytes. Returns undefined, and takes nothing, if there are fewer. Copies
   * only when they span several chunks.
   */
  take(count: number): Buffer | undefined {
    if (this.#length < count) return undefined;
    this.#length -= count;
    const first = this.#chunks[0];
    if (first !== undefined && first.length - this.#start > count) {
      this.#start += count;
      return first.subarray(this.#start - count, this.#start);
    }
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      const chunk = this.#chunks[0] ?? Buffer.alloc(0);
      const part = chunk.subarray(this.#start, this.#start + missing);
      parts.push(part);
      missing -= part.length;
      this.#start += part.length;
      if (this.#start < chunk.length) break;
      this.#chunks.shift();
      this.#start = 0;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, count);
  }
}
