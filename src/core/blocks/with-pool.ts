import type { BlockPool } from '../../engine/pool/block-pool.ts';
import { needsThreads } from '../../engine/pool/needs-threads.ts';
import type { PoolOptions } from '../../engine/pool/pool-options.ts';
import { WorkerPool } from '../../engine/pool/worker-pool.ts';
import type { SharedSource, SharedTarget } from '../../io/shared.ts';
import { blockCount, type Geometry } from '../../model/geometry.ts';
import type { Context } from '../context.ts';
import { retryLog } from '../store/storage.ts';
import { workersFor } from './worker-count.ts';

/** Blocks that a pool moves, and from where to where. The data backend is the other end. */
export interface PoolRequest extends Pick<PoolOptions, 'zeroMissing' | 'arena' | 'workerProgram'> {
  geometry: Geometry;
  source?: Pick<SharedSource, 'spec'> | undefined;
  /** With a source as well, that is the target again: it is compared first. */
  target?: Pick<SharedTarget, 'spec'> | undefined;
  /** The most blocks that will be moved. [all of the image] */
  blocks?: number | undefined;
  /**
   * Move even a few blocks in threads: the process serves others, or goes on after a hang. [false]
   */
  inThreads?: boolean | undefined;
}

/** A pool that says how busy it is. */
export type MeteredPool = BlockPool & Pick<WorkerPool, 'loads'>;

/** Runs `body` with a pool: {@link withPool}, or in unit tests one without threads. */
export type RunPool = <T>(context: Context, request: PoolRequest, body: (pool: MeteredPool) => Promise<T>) => Promise<T>;

type PoolContext = Pick<Context, 'settings' | 'data' | 'logger' | 'signal'>;

/**
 * Runs `body` with a pool of block workers, and ends the pool. Threads that hang are reported, so
 * that the process does not wait for them. An abort of the context's signal starts no new block.
 */
export async function withPool<T>(context: Context, request: PoolRequest, body: (pool: WorkerPool) => Promise<T>): Promise<T> {
  const pool = startPool(context, request);
  try {
    return await body(pool);
  } finally {
    await closePool(context, pool);
  }
}

/** Starts a pool that outlives its caller. MUST be ended with {@link closePool}. */
export function startPool(context: PoolContext, request: PoolRequest): WorkerPool {
  const { settings, data, logger, signal } = context;
  const {
    geometry,
    source,
    target,
    blocks = blockCount(geometry),
    inThreads = settings.workers !== undefined,
    ...options
  } = request;
  const { version, compressionLevel } = settings.encryption;
  const work = { blocks, blockSize: geometry.blockSize, compressionLevel: version === 0 ? undefined : compressionLevel };
  const io = [source, target].flatMap((shared) => (shared === undefined ? [] : [shared.spec.url]));
  return new WorkerPool(
    {
      ...options,
      ...geometry,
      workers: workersFor(settings, Math.max(blocks * geometry.blockSize, geometry.sizeBytes)),
      inline: !inThreads && !needsThreads(work),
      hashFunction: settings.hashFunction,
      encryption: settings.encryption,
      data,
      source: source?.spec,
      target: target?.spec,
      onRetry: retryLog(logger),
      onQuiet: (seconds) =>
        logger.warning(`No block has moved for ${seconds} s: waiting for ${[...new Set(io), 'the data backend'].join(' or ')}.`),
    },
    signal,
  );
}

/** Ends the threads of a pool, in bounded time. */
export async function closePool(
  { onStuckThreads }: Pick<Context, 'onStuckThreads'>,
  pool: Pick<WorkerPool, 'close' | 'hasStuckThreads'>,
): Promise<void> {
  await pool.close();
  if (pool.hasStuckThreads) onStuckThreads();
}
