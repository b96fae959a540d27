import type { Hasher } from './hasher.ts';

/** Blocks that wait for their checksums. */
interface Waiting {
  blocks: readonly Uint8Array[];
  resolve(digests: string[]): void;
  reject(error: unknown): void;
}

/** So many blocks are worth the wait even where that leaves few slots to read with. */
const WORTHWHILE = 4;
/** Longer than the blocks of a batch take from a fast source, and too short for anyone to notice where the others are slow, or hang. */
const WAIT_MS = 50;
/** Where waiting keeps nothing up: a batch from a source of 120 MB/s a worker. Half a batch costs the processor as much as a whole one. */
const LONGEST_WAIT_MS = 250;

/** The worker that a batch works for. */
export interface BatchOwner {
  /** {@link HashBatch.isReady} may have changed: MUST see to a flush once it is true. */
  onChange(): void;
  /** Whether blocks may wait a while longer: nobody wants them right away, and reading goes on without their slots. */
  mayWait(): boolean;
}

/**
 * Gathers the blocks of a worker's jobs to hash several at once, which the processor does in the time of one or two. The worker
 * decides when to wait for more no longer: {@link flush}.
 */
export class HashBatch {
  readonly #hasher: Hasher;
  readonly #owner: BatchOwner;
  /** With so many it is done, should more be on their way. */
  readonly #enough: number;
  #waiting: Waiting[] = [];
  #count = 0;
  #expected = 0;
  #overdue: NodeJS.Timeout | undefined;
  #isOverdue = false;

  /** `slots`: how many blocks, or groups of small ones, the worker holds at once; half of them stay for reading. */
  constructor(hasher: Hasher, slots: number, owner: BatchOwner) {
    this.#hasher = hasher;
    this.#owner = owner;
    this.#enough = Math.min(hasher.batch, Math.max(WORTHWHILE, Math.floor(slots / 2)));
  }

  /** Jobs whose blocks wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** True when more blocks would make it no faster. */
  get isFull(): boolean {
    return this.#count >= this.#hasher.batch;
  }

  /** True when blocks wait and there are enough of them, or none is on its way that could join them in time. */
  get isReady(): boolean {
    return this.#count >= (this.#expected === 0 || this.#isOverdue ? 1 : this.#enough);
  }

  /** Counts what is being read and will be added, or fail: those that are there already wait for it, for a moment. */
  async expect<T>(reading: T | Promise<T>): Promise<T> {
    this.#expected++;
    try {
      return await reading;
    } finally {
      this.#expected--;
      this.#owner.onChange();
    }
  }

  /** The checksums of `blocks`, in their order, after the next flush. Their bytes MUST stay as they are until then. */
  async add(blocks: readonly Uint8Array[]): Promise<string[]> {
    if (blocks.length === 0) return [];
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#waitFor(WAIT_MS);
      this.#waiting.push({ blocks, resolve, reject });
      this.#count += blocks.length;
      this.#owner.onChange();
    });
  }

  /** Hashes all that waits. Blocks the thread. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#count = 0;
    clearTimeout(this.#overdue);
    this.#isOverdue = false;
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

  #waitFor(totalMs: number): void {
    this.#overdue = setTimeout(() => {
      if (totalMs < LONGEST_WAIT_MS && this.#owner.mayWait()) return this.#waitFor(totalMs + WAIT_MS);
      this.#isOverdue = true;
      this.#owner.onChange();
    }, WAIT_MS);
  }
}
