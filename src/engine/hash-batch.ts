import type { Hasher } from './hasher.ts';

/** Blocks that wait for their checksums. */
interface Waiting {
  blocks: readonly Uint8Array[];
  resolve(digests: string[]): void;
  reject(error: unknown): void;
}

/**
 * Gathers the blocks of a worker's jobs to hash several at once, which the processor does in the time of one or two. The worker
 * decides when to wait for more no longer: {@link flush}.
 */
export class HashBatch {
  readonly #hasher: Hasher;
  readonly #onAdded: () => void;
  #waiting: Waiting[] = [];
  #count = 0;

  /** `onAdded` is told of all that is added, and MUST see to a flush some time. */
  constructor(hasher: Hasher, onAdded: () => void) {
    this.#hasher = hasher;
    this.#onAdded = onAdded;
  }

  /** True when more blocks would make it no faster. */
  get isFull(): boolean {
    return this.#count >= this.#hasher.batch;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The checksums of `blocks`, in their order, after the next flush. Their bytes MUST stay as they are until then. */
  add(blocks: readonly Uint8Array[]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ blocks, resolve, reject });
      this.#count += blocks.length;
      this.#onAdded();
    });
  }

  /** Hashes all that waits. Blocks the thread. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#count = 0;
    try {
      const digests = this.#hasher.digest(waiting.flatMap(({ blocks }) => blocks));
      let done = 0;
      for (const { blocks, resolve } of waiting) {
        resolve(digests.slice(done, done + blocks.length));
        done += blocks.length;
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
