/** A decoded block in the cache, or on its way into it. */
export interface CachedBlock {
  /** Which view's block it is. */
  readonly key: number;
  /** Its place in the arena. */
  readonly slot: number;
  /** Resolves once its bytes are there and good, rejects when they can't be had. Whoever waits for it MUST pin it. */
  loaded: Promise<void>;
  isLoaded: boolean;
  /** How many readers hold it: pinned blocks stay. */
  pins: number;
  /** Bytes of it that readers had since it came, or since they last had as many as it has. */
  servedBytes: number;
}

/**
 * Decoded blocks in memory that is shared with the workers, a fixed number of slots; the one that was used least recently goes first.
 * Blocks that are pinned or on their way stay. It knows nothing of where blocks come from.
 */
export class BlockCache {
  readonly slots: number;
  readonly blockSize: number;
  readonly arena: SharedArrayBuffer;
  /** In the order of use, the oldest first. */
  readonly #blocks = new Map<number, CachedBlock>();
  readonly #free: number[] = [];
  /** Blocks that nobody is likely to want again, the longest so first. */
  readonly #spent = new Set<CachedBlock>();
  #unused = 0;
  #pinned = 0;
  #waiting: (() => void)[] = [];

  /** `slots` blocks of `blockSize` bytes. The system gives the memory once it is used. */
  constructor(slots: number, blockSize: number) {
    this.slots = slots;
    this.blockSize = blockSize;
    this.arena = new SharedArrayBuffer(slots * blockSize);
  }

  /** True when readers hold so many blocks that they had better copy what they want: slow ones must not keep the others from theirs. */
  get isCrowded(): boolean {
    return this.#pinned > this.slots / 2;
  }

  /** A block that is there or on its way, which counts as its use. */
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

  /** Makes room for a block that is not there. Undefined when all slots are in use. The caller sets `loaded`. */
  add(key: number): CachedBlock | undefined {
    const slot = this.#takeSlot();
    if (slot === undefined) return undefined;
    const block: CachedBlock = { key, slot, loaded: Promise.resolve(), isLoaded: false, pins: 0, servedBytes: 0 };
    this.#blocks.set(key, block);
    return block;
  }

  /** The first `length` bytes of a block; good while it is pinned. */
  bytes(block: CachedBlock, offset: number, length: number): Uint8Array {
    return new Uint8Array(this.arena, block.slot * this.blockSize + offset, length);
  }

  /** Marks a block as there: from now on it may go again when nobody holds it. */
  loaded(block: CachedBlock): void {
    block.isLoaded = true;
    this.#wake();
  }

  /** Gives up on a block: its bytes could not be had, or will not be wanted any more. MUST not be pinned, or be on its way. */
  drop(block: CachedBlock): void {
    if (!this.#blocks.delete(block.key)) return;
    this.#spent.delete(block);
    this.#free.push(block.slot);
    this.#wake();
  }

  /**
   * Says that nobody is likely to want a block again, so that the next one takes its place even before memory that was never used: that is
   * slow to come by, and what was just read is still in the processor's cache.
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

  /** Drops all blocks with keys from `first` to below `end` that nobody holds. Costs a look at every block. */
  dropRange(first: number, end: number): void {
    for (const block of [...this.#blocks.values()]) {
      if (block.key >= first && block.key < end && block.pins === 0 && block.isLoaded) this.drop(block);
    }
  }

  /** Resolves when a slot may have become free. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets all that wait for room look again. */
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
