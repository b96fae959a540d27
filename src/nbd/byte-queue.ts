/** Bytes as they come from a socket, to be taken in the lengths that a protocol has. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that are taken. */
  #start = 0;
  #length = 0;

  /** How many bytes are there. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Takes exactly `count` bytes; undefined, and nothing taken, when they are not there yet. Copies only what is in several chunks. */
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
