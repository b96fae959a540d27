import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { WorkerPool } from '../../engine/pool/worker-pool.ts';
import type { Finding, Job, ViewBlock, ViewOutcome } from '../../engine/shared/messages.ts';
import { BackyError, fromPlainError } from '../../errors.ts';
import type { BlockRow } from '../../model/block.ts';
import { closePool, startPool } from '../blocks/with-pool.ts';
import { workersFor } from '../blocks/worker-count.ts';
import type { Context } from '../context.ts';
import { BlockCache, type CachedBlock } from './block-cache.ts';

/** Decoded blocks that are kept in memory, over all images that are open. */
export const CACHE_BYTES = 256 * 1024 * 1024;
/** At least so many, however large blocks are. */
const FEWEST_SLOTS = 4;

/** So many blocks ahead of a reader are one job at most: as many as are hashed at once. */
const MOST_TOGETHER = 8;

/** A block to read. */
export interface BlockRequest {
  /** Which block of which image, among all that the reader has to do with. */
  key: number;
  row: BlockRow & { uid: string };
  /** Told when the block turns out to be bad, before whoever wants it. */
  onBad(finding: Finding): void;
}

/** A request on its way. */
interface Order extends BlockRequest {
  block: CachedBlock;
  resolve(): void;
  reject(error: unknown): void;
}

/** Fetches, checks and decodes blocks of one size on block workers, and keeps what it has in a cache. */
export class BlockReader implements Operation {
  readonly cache: BlockCache;
  /** Blocks that are best asked for ahead of a sequential reader. */
  readonly aheadBlocks: number;
  readonly #context: Context;
  readonly #pool: WorkerPool;
  readonly #aborter = new AbortController();
  readonly #wanted = new Map<number, Order>();
  readonly #ahead = new Map<number, Order>();
  readonly #jobs = new Map<number, Order[]>();
  readonly #jobBlocks: number;
  readonly #jobsAtOnce: number;
  /** Blocks ahead of a reader that are one job, so that each worker gets some. */
  readonly #together: number;
  readonly #onFailure: (error: unknown) => void;
  #given = 0;
  #running: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  /** `onFailure`: the workers are gone, and nothing can be read any more. */
  constructor(context: Context, blockSize: number, onFailure: (error: unknown) => void) {
    this.cache = new BlockCache(Math.max(FEWEST_SLOTS, Math.floor(CACHE_BYTES / blockSize)), blockSize);
    this.#onFailure = onFailure;
    this.#context = context;
    const workers = workersFor(context.settings, Number.POSITIVE_INFINITY);
    // What stops the program is heard by those who serve, not here.
    this.#pool = startPool(
      { ...context, signal: this.#aborter.signal },
      { geometry: { blockSize, sizeBytes: 0 }, workers, arena: this.cache.arena },
    );
    const { slotsPerWorker, blocksPerSlot } = this.#pool.slots;
    this.#jobBlocks = blocksPerSlot;
    this.#jobsAtOnce = workers * (slotsPerWorker + 1);
    // Four readers fit the cache: with more, what was read for one would go before it was wanted, for another.
    this.aheadBlocks = Math.min(this.#jobsAtOnce * blocksPerSlot, Math.floor(this.cache.slots / 4));
    this.#together = Math.min(MOST_TOGETHER, Math.ceil(this.aheadBlocks / workers));
  }

  /** A block that is in memory already, pinned: MUST be unpinned. */
  cached(key: number): CachedBlock | undefined {
    const block = this.cache.find(key);
    if (block?.isLoaded !== true) return undefined;
    this.cache.pin(block);
    return block;
  }

  /**
   * A block, pinned: MUST be unpinned. Waits for room where all is in use, so whoever waits here MUST NOT hold other blocks that only go
   * once this one has come. Rejects with a BackyError when the block can't be had.
   */
  async read(request: BlockRequest): Promise<CachedBlock> {
    for (;;) {
      const block = this.#find(request.key) ?? this.#order(request, this.#wanted);
      if (block === undefined) {
        await this.cache.room();
        continue;
      }
      this.cache.pin(block);
      try {
        await block.loaded;
        return block;
      } catch (error) {
        this.cache.unpin(block);
        throw error;
      }
    }
  }

  /** Begins to read a block that will be wanted. @returns false when there is no room. */
  prefetch(request: BlockRequest): boolean {
    return this.cache.has(request.key) || this.#order(request, this.#ahead) !== undefined;
  }

  /** The next job: what somebody waits for goes first. */
  next(): Job | undefined {
    const queue = this.#wanted.size > 0 ? this.#wanted : this.#ahead;
    if (queue.size === 0) return undefined;
    // All workers are to get some of a few small blocks. What nobody waits for yet goes together, since it is hashed together.
    const fewest = queue === this.#ahead ? this.#together : 1;
    const count = Math.max(fewest, Math.min(this.#jobBlocks, Math.ceil(queue.size / this.#jobsAtOnce)));
    const orders: Order[] = [];
    for (const order of queue.values()) {
      if (orders.length === count) break;
      orders.push(order);
    }
    for (const { key } of orders) queue.delete(key);
    this.#jobs.set(this.#given++, orders);
    return { kind: 'view', blocks: orders.map((order) => this.#viewBlock(order)) };
  }

  answered(answer: JobAnswer): void {
    const orders = this.#jobs.get(answer.job) ?? [];
    this.#jobs.delete(answer.job);
    if (answer.kind !== 'viewed') return;
    for (const [index, order] of orders.entries()) this.#settle(order, answer.outcomes[index] ?? null);
  }

  /** Ends the workers; what is still wanted is rejected. */
  async close(): Promise<void> {
    this.#fail(new BackyError('interrupted', 'The image was closed.'));
    this.#aborter.abort();
    await this.#running;
    await closePool(this.#context, this.#pool);
  }

  #viewBlock({ row, block }: Order): ViewBlock {
    return { ...row, at: block.slot * this.cache.blockSize };
  }

  #find(key: number): CachedBlock | undefined {
    const block = this.cache.find(key);
    const waiting = this.#ahead.get(key);
    if (waiting !== undefined) {
      this.#ahead.delete(key);
      this.#wanted.set(key, waiting);
    }
    return block;
  }

  #order(request: BlockRequest, queue: Map<number, Order>): CachedBlock | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const block = this.cache.add(request.key);
    if (block === undefined) return undefined;
    block.loaded = new Promise((resolve, reject) => queue.set(request.key, { ...request, block, resolve, reject }));
    // Nobody need wait for what was asked for ahead.
    block.loaded.catch(() => {});
    if (this.#running === undefined) this.#running = this.#run();
    else this.#pool.offer();
    return block;
  }

  async #run(): Promise<void> {
    // Those who asked in this turn go together.
    await Promise.resolve();
    try {
      while (this.#failure === undefined && this.#wanted.size + this.#ahead.size > 0) await this.#pool.run(this);
    } catch (error) {
      this.#fail(error);
      this.#onFailure(error);
    }
    this.#running = undefined;
  }

  #settle(order: Order, outcome: ViewOutcome): void {
    if (outcome === null) {
      this.cache.loaded(order.block);
      order.resolve();
      return;
    }
    this.cache.drop(order.block);
    if ('error' in outcome) order.reject(fromPlainError(outcome.error));
    else {
      order.onBad(outcome.finding);
      order.reject(badBlock(outcome.finding));
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const order of [...this.#wanted.values(), ...this.#ahead.values(), ...[...this.#jobs.values()].flat()]) {
      order.reject(error);
    }
    this.#wanted.clear();
    this.#ahead.clear();
  }
}

function badBlock({ id, problem, actual }: Finding): BackyError {
  return new BackyError('blocksBad', `Block ${id} is bad (${problem}: ${actual}).`);
}
