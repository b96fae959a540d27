import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { QueueLoads } from '../../engine/pool/queue-loads.ts';
import type { WorkerPool } from '../../engine/pool/worker-pool.ts';
import type { Finding, Job, ViewOutcome } from '../../engine/shared/messages.ts';
import { BackyError, fromPlainError } from '../../errors.ts';
import { newAborter } from '../../model/aborter.ts';
import { closePool, startPool } from '../blocks/with-pool.ts';
import { workersFor } from '../blocks/worker-count.ts';
import type { Context } from '../context.ts';
import { BlockCache, type CachedBlock } from './block-cache.ts';
import { type BlockRequest, type PendingRead, ReadQueue } from './read-queue.ts';

/** Size of the block cache of all open images with the same block size. */
const CACHE_BYTES = 256 * 1024 * 1024;
/** Minimum for large blocks. */
const MIN_SLOTS = 4;
/** Maximum of blocks in a read-ahead job: as many as are hashed in parallel. */
const MAX_AHEAD_JOB_BLOCKS = 8;

/** Sequential readers that share the cache, unless the owner knows better. */
const READERS = 4;

/** Options of a {@link BlockReader}. */
interface ReaderOptions {
  blockSize: number;
  /** The most blocks that will be read. A few are read without threads. [no limit] */
  blocks?: number;
  /** Sequential readers that the cache is divided among. [4] */
  readers?: number;
  /** Called when the workers failed; every later read rejects. */
  onFailure(error: unknown): void;
}

/**
 * Reads blocks of one size on block workers, which fetch, decode and verify them. Keeps them in a
 * cache.
 */
export class BlockReader implements Operation {
  readonly cache: BlockCache;
  /** Maximum of blocks to read ahead for one sequential reader. */
  readonly aheadBlocks: number;
  readonly #context: Context;
  readonly #pool: WorkerPool;
  readonly #aborter = newAborter();
  readonly #queue: ReadQueue;
  readonly #onFailure: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(context: Context, { blockSize, blocks = Number.POSITIVE_INFINITY, readers = READERS, onFailure }: ReaderOptions) {
    this.cache = new BlockCache(Math.max(MIN_SLOTS, Math.floor(CACHE_BYTES / blockSize)), blockSize);
    this.#onFailure = onFailure;
    this.#context = context;
    const workers = workersFor(context.settings, blocks * blockSize);
    // The owner handles the program's signal, and closes the reader itself.
    this.#pool = startPool(
      { ...context, signal: this.#aborter.signal },
      { geometry: { blockSize, sizeBytes: 0 }, blocks, arena: this.cache.arena },
    );
    const { slotsPerWorker, blocksPerSlot } = this.#pool.slots;
    const jobsAtOnce = workers * (slotsPerWorker + 1);
    // The cache holds what all readers read ahead. More would evict each other's blocks before use.
    this.aheadBlocks = Math.min(jobsAtOnce * blocksPerSlot, Math.floor(this.cache.slots / readers));
    // Each worker gets some of the blocks that are read ahead.
    const aheadBlocks = Math.min(MAX_AHEAD_JOB_BLOCKS, Math.ceil(this.aheadBlocks / workers));
    this.#queue = new ReadQueue({ maxBlocks: blocksPerSlot, jobsAtOnce, aheadBlocks });
  }

  /** How busy the workers are now. */
  get loads(): QueueLoads {
    return this.#pool.loads;
  }

  /** Returns a block that is in memory, pinned. The caller MUST unpin it. */
  cached(key: number): CachedBlock | undefined {
    const block = this.cache.find(key);
    if (block?.isLoaded !== true) return undefined;
    this.cache.pin(block);
    return block;
  }

  /**
   * Reads a block and pins it. The caller MUST unpin it. Waits while all slots are in use, so a
   * waiter MUST NOT hold blocks that it releases only after this one. Throws a BackyError.
   */
  async read(request: BlockRequest): Promise<CachedBlock> {
    for (;;) {
      const block = this.#find(request.key) ?? this.#enqueue(request, 'urgent');
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

  /** Starts to read a block that will be needed. @returns false when there is no room. */
  prefetch(request: BlockRequest): boolean {
    return this.cache.has(request.key) || this.#enqueue(request, 'ahead') !== undefined;
  }

  /** Returns the next job for the pool. */
  next(): Job | undefined {
    const reads = this.#queue.takeJob();
    if (reads.length === 0) return undefined;
    return { kind: 'view', blocks: reads.map(({ row, block }) => ({ ...row, at: this.cache.positionOf(block) })) };
  }

  answered(answer: JobAnswer): void {
    const reads = this.#queue.finishJob(answer.job);
    if (answer.kind !== 'viewed') return;
    for (const [index, read] of reads.entries()) this.#settle(read, answer.outcomes[index] ?? null);
  }

  /** Ends the workers. Pending reads are rejected. */
  async close(): Promise<void> {
    this.#fail(new BackyError('interrupted', 'The image was closed.'));
    this.#aborter.abort();
    await this.#running;
    await closePool(this.#context, this.#pool);
  }

  /** Finds a block that is loaded or loading. A reader waits for it from now on. */
  #find(key: number): CachedBlock | undefined {
    const block = this.cache.find(key);
    this.#queue.promote(key);
    return block;
  }

  /** Undefined when all slots are in use. */
  #enqueue(request: BlockRequest, priority: 'urgent' | 'ahead'): CachedBlock | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const block = this.cache.add(request.key);
    if (block === undefined) return undefined;
    block.loaded = new Promise((resolve, reject) => this.#queue.add({ ...request, block, resolve, reject }, priority));
    // A block that was read ahead may have no waiter.
    block.loaded.catch(() => {});
    if (this.#running === undefined) this.#running = this.#run();
    else this.#pool.offer();
    return block;
  }

  async #run(): Promise<void> {
    // Requests of this turn of the event loop go into the same jobs.
    await Promise.resolve();
    try {
      while (this.#failure === undefined && !this.#queue.isEmpty) await this.#pool.run(this);
    } catch (error) {
      this.#fail(error);
      this.#onFailure(error);
    }
    this.#running = undefined;
  }

  #settle(read: PendingRead, outcome: ViewOutcome): void {
    if (outcome === null) {
      this.cache.loaded(read.block);
      read.resolve();
      return;
    }
    this.cache.drop(read.block);
    if ('error' in outcome) read.reject(fromPlainError(outcome.error));
    else {
      read.onBad(outcome.finding);
      read.reject(badBlock(outcome.finding));
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#queue.rejectAll(error);
  }
}

function badBlock({ id, problem, actual }: Finding): BackyError {
  return new BackyError('blocksBad', `Block ${id} is bad (${problem}: ${actual}).`);
}
