import type { CallThread } from '../../native/async-call.ts';
import type { Hasher } from './hasher.ts';

/** Blocks that wait for their checksums. */
interface Waiting {
  blocks: readonly Uint8Array[];
  resolve(digests: string[]): void;
  reject(error: unknown): void;
}

/** Blocks that are worth waiting for, even if that leaves few slots for reading. */
const WORTHWHILE = 4;
/**
 * Longer than a fast source takes for a batch, and too short to be noticed when reads are slow or
 * hang.
 */
const WAIT_MS = 50;
/**
 * The limit while waiting delays nothing: a source of 120 MB/s per worker fills a batch. Half a
 * batch costs the processor as much as a whole one.
 */
const LONGEST_WAIT_MS = 250;

/** The worker that a batch works for. */
export interface BatchOwner {
  /** {@link HashBatch.isReady} may have changed: MUST cause a flush once it is true. */
  onChange(): void;
  /** Blocks may wait longer: no reader waits for them, and reading goes on without their slots. */
  mayWait(): boolean;
}

/**
 * Gathers the blocks of a worker's jobs to hash several at once, which takes the time of one or
 * two. The worker decides when to stop waiting for more: {@link flush}.
 */
export class HashBatch {
  readonly #hasher: Hasher;
  readonly #owner: BatchOwner;
  /** Blocks with which it is ready while others are being read. */
  readonly #enough: number;
  #waiting: Waiting[] = [];
  #count = 0;
  /** Jobs whose blocks are being hashed. */
  #hashing = 0;
  #expected = 0;
  #hurries = 0;
  #overdue: NodeJS.Timeout | undefined;
  #isOverdue = false;

  /** `slots`: jobs that the worker runs at once; half of them stay for reading. */
  constructor(hasher: Hasher, slots: number, owner: BatchOwner) {
    this.#hasher = hasher;
    this.#owner = owner;
    this.#enough = Math.min(hasher.batch, Math.max(WORTHWHILE, Math.floor(slots / 2)));
  }

  /** Jobs whose blocks wait, or are being hashed. */
  get waiting(): number {
    return this.#waiting.length + this.#hashing;
  }

  /** Jobs that read: see {@link expect}. */
  get reading(): number {
    return this.#expected;
  }

  /** True when more blocks would not make hashing faster. */
  get isFull(): boolean {
    return this.#hashing === 0 && this.#count >= this.#hasher.batch;
  }

  /** True when enough blocks wait, or no other block will join them in time. */
  get isReady(): boolean {
    return this.#hashing === 0 && this.#count >= (this.#expected === 0 || this.#isOverdue ? 1 : this.#enough);
  }

  /** True when blocks have waited for others for as long as they may. */
  get isOverdue(): boolean {
    return this.#isOverdue;
  }

  /**
   * Counts a read whose blocks will be added: blocks that are here already wait for it for a
   * moment.
   */
  async expect<T>(reading: T | Promise<T>): Promise<T> {
    this.#expected++;
    try {
      return await reading;
    } finally {
      this.#expected--;
      this.#owner.onChange();
    }
  }

  /** True while a store needs checksums before it can end. */
  get isHurried(): boolean {
    return this.#hurries > 0;
  }

  /** Does the part of a store that needs checksums. They do not wait for stores to end. */
  async hurry<T>(part: () => Promise<T>): Promise<T> {
    this.#hurries++;
    try {
      return await part();
    } finally {
      this.#hurries--;
    }
  }

  /**
   * The checksums of `blocks`, in their order, after the next flush. Their bytes MUST NOT change
   * until then.
   */
  async add(blocks: readonly Uint8Array[]): Promise<string[]> {
    if (blocks.length === 0) return [];
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#waitFor(WAIT_MS);
      this.#waiting.push({ blocks, resolve, reject });
      this.#count += blocks.length;
      this.#owner.onChange();
    });
  }

  /** Hashes all blocks that wait. Neither ready nor full until that is done. */
  async flush(where: CallThread): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#count = 0;
    clearTimeout(this.#overdue);
    this.#isOverdue = false;
    this.#hashing = waiting.length;
    try {
      const digests = await this.#hasher.digest(
        waiting.flatMap(({ blocks }) => blocks),
        where,
      );
      let done = 0;
      for (const { blocks, resolve } of waiting) {
        resolve(digests.slice(done, done + blocks.length));
        done += blocks.length;
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    } finally {
      this.#hashing = 0;
      this.#owner.onChange();
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
