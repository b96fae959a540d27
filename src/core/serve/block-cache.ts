import { alignedSharedBytes } from '../../native/direct-io.ts';

/** A decoded block that is in the cache or is being loaded into it. */
export interface CachedBlock {
  /** Identifies the block among all open images. */
  readonly key: number;
  /** Number of its place in the arena. */
  readonly slot: number;
  /**
   * Resolves when the bytes are loaded and verified, rejects when that fails. A waiter MUST pin the
   * block.
   */
  loaded: Promise<void>;
  isLoaded: boolean;
  /** Readers that hold the block. A pinned block is never evicted. */
  pins: number;
  /** Bytes that readers took since the block was loaded, or since they last took all of it. */
  servedBytes: number;
}

/**
 * An LRU cache of decoded blocks, in memory that is shared with the workers. It has a fixed number
 * of slots. Blocks that are pinned or loading are not evicted.
 */
export class BlockCache {
  readonly slots: number;
  readonly blockSize: number;
  /** Aligned, so that blobs can be read into it around the page cache. */
  readonly #arena: Uint8Array<SharedArrayBuffer>;
  /** Least recently used first. */
  readonly #blocks = new Map<number, CachedBlock>();
  readonly #free: number[] = [];
  /** Blocks that are probably not needed again, in the order they were marked. */
  readonly #spent = new Set<CachedBlock>();
  #unused = 0;
  #pinned = 0;
  #waiting: (() => void)[] = [];

  /** Reserves `slots` blocks of `blockSize` bytes. The kernel allocates the memory on first use. */
  constructor(slots: number, blockSize: number) {
    this.slots = slots;
    this.blockSize = blockSize;
    this.#arena = alignedSharedBytes(slots * blockSize);
  }

  /** The shared memory of all blocks. */
  get arena(): SharedArrayBuffer {
    return this.#arena.buffer;
  }

  /** The position of a block in the arena, in bytes. */
  positionOf(block: CachedBlock): number {
    return this.#arena.byteOffset + block.slot * this.blockSize;
  }

  /**
   * True when over half of the slots are pinned. Readers should copy then, so that slow ones do not
   * block others.
   */
  get isCrowded(): boolean {
    return this.#pinned > this.slots / 2;
  }

  /** Returns a block that is loaded or loading, and marks it as used. */
  find(key: number): CachedBlock | undefined {
    const block = this.#blocks.get(key);
    if (block === undefined) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    this.#spent.delete(block);
    return block;
  }

  has(key: number): boolean {
    return this.#blocks.has(key);
  }

  /**
   * Takes a slot for a block that is not cached. Returns undefined when all slots are in use. The
   * caller sets `loaded`.
   */
  add(key: number): CachedBlock | undefined {
    const slot = this.#takeSlot();
    if (slot === undefined) return undefined;
    const block: CachedBlock = { key, slot, loaded: Promise.resolve(), isLoaded: false, pins: 0, servedBytes: 0 };
    this.#blocks.set(key, block);
    return block;
  }

  /**
   * Returns `length` bytes of a block from `offset` on. They are valid while the block is pinned.
   */
  bytes(block: CachedBlock, offset: number, length: number): Uint8Array {
    return new Uint8Array(this.arena, this.positionOf(block) + offset, length);
  }

  /** Marks a block as loaded. From now on it may be evicted when it is not pinned. */
  loaded(block: CachedBlock): void {
    block.isLoaded = true;
    this.#wake();
  }

  /** Removes a block whose load failed or that is not needed. It MUST NOT be pinned or loading. */
  drop(block: CachedBlock): void {
    if (!this.#blocks.delete(block.key)) return;
    this.#spent.delete(block);
    this.#free.push(block.slot);
    this.#wake();
  }

  /**
   * Marks a block as probably not needed again. The next block takes its slot, even before an
   * unused slot: fresh memory is slow to get, and this slot is still in the CPU cache.
   */
  spend(block: CachedBlock): void {
    this.#spent.add(block);
  }

  pin(block: CachedBlock): void {
    if (block.pins++ === 0) this.#pinned++;
  }

  unpin(block: CachedBlock): void {
    if (--block.pins > 0) return;
    this.#pinned--;
    this.#wake();
  }

  /**
   * Drops the blocks with keys `first` to `end - 1` that are not pinned. Visits every cached block.
   */
  dropRange(first: number, end: number): void {
    for (const block of [...this.#blocks.values()]) {
      if (block.key >= first && block.key < end && block.pins === 0 && block.isLoaded) this.drop(block);
    }
  }

  /** Resolves when a slot may be free. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Wakes all waiters for room; each tries again. */
  #wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #takeSlot(): number | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return this.#takeFrom(this.#spent) ?? (this.#unused < this.slots ? this.#unused++ : this.#takeFrom(this.#blocks.values()));
  }

  #takeFrom(blocks: Iterable<CachedBlock>): number | undefined {
    for (const block of blocks) {
      if (block.pins > 0 || !block.isLoaded) continue;
      this.#blocks.delete(block.key);
      this.#spent.delete(block);
      return block.slot;
    }
    return undefined;
  }
}
