import type { RunPool } from '../../../src/core/blocks/with-pool.ts';
import type { DataBackend } from '../../../src/data/data-backend.ts';
import type { BlockPool } from '../../../src/engine/pool/block-pool.ts';
import type { Operation } from '../../../src/engine/pool/operation.ts';
import { type PoolOptions, planSlots, type SlotPlan, workerSetups } from '../../../src/engine/pool/pool-options.ts';
import type { Decision, Finding, Job } from '../../../src/engine/shared/messages.ts';
import { compareBlocks } from '../../../src/engine/worker/compare-job.ts';
import { fetchBlocks, zeroBlocks } from '../../../src/engine/worker/fetch-job.ts';
import { readBlocks, storeBlocks } from '../../../src/engine/worker/read-job.ts';
import { recodeBlocks } from '../../../src/engine/worker/recode-job.ts';
import { closeContext, openContext, type Slot, type WorkerContext } from '../../../src/engine/worker/worker-context.ts';
import type { Block } from '../../../src/model/block.ts';

/**
 * Read jobs whose checksums are reported before the first of their blocks is stored. So equal
 * blocks meet in flight.
 */
const JOBS_AT_ONCE = 4;

/** Options of an inline pool; those that are left out have defaults. */
type InlinePoolOptions = Pick<PoolOptions, 'blockSize' | 'sizeBytes' | 'data'> &
  Partial<PoolOptions> & {
    /** True: many small blocks per job, as in a worker. False: one block per job. */
    wholeJobs?: boolean;
  };

/** A worker context on the test's own thread, with a real backend, source and target. */
export function openInlineContext(options: InlinePoolOptions, backend?: DataBackend): WorkerContext {
  const full = fullOptions(options);
  const [setup] = workerSetups(full, planSlots(full));
  if (setup === undefined) throw new Error('a pool has at least one worker');
  const context: WorkerContext = openContext(setup, {
    signal: new AbortController().signal,
    hashes: {
      onChange: () => {
        if (context.hashes.isReady) void context.hashes.flush('here');
      },
      mayWait: () => false,
    },
    onRetry: () => {},
  });
  return backend === undefined ? context : { ...context, backend };
}

/** A buffer as a worker has it. */
export function newSlot({ setup }: WorkerContext): Slot {
  return { bytes: new Uint8Array(setup.slotBytes), other: undefined };
}

function fullOptions(options: InlinePoolOptions): PoolOptions {
  return {
    workers: 1,
    hashFunction: 'sha512',
    encryption: { version: 0, key: undefined, compressionLevel: 1 },
    onRetry: () => {},
    ...options,
  };
}

/** Does the jobs of a worker pool on the test's own thread, with the code of the block worker. */
export class InlinePool implements BlockPool {
  readonly slots: SlotPlan;
  readonly loads = { read: 0, write: 0 };
  readonly #context: WorkerContext;
  readonly #decisions = new Map<number, Decision[]>();
  #nextJob = 0;

  /** @param backend replaces the backend of the options, for example with one that fails. */
  constructor(options: InlinePoolOptions, backend?: DataBackend) {
    const planned = planSlots(fullOptions(options));
    this.slots = options.wholeJobs === true ? planned : { ...planned, blocksPerSlot: 1 };
    this.#context = openInlineContext(options, backend);
  }

  async run(operation: Operation): Promise<void> {
    for (;;) {
      const storing: (() => Promise<void>)[] = [];
      let work: Job | undefined;
      while (storing.length < JOBS_AT_ONCE) {
        work = await operation.next();
        if (work === undefined) break;
        const store = await this.#begin(operation, work);
        if (store !== undefined) storing.push(store);
      }
      for (const store of storing) await store();
      if (work === undefined && storing.length === 0) return;
    }
  }

  /** Fetches blocks and writes them to the target, as one job. */
  fetch(blocks: readonly Block[]): Promise<Finding[]> {
    return fetchBlocks(this.#context, newSlot(this.#context), blocks);
  }

  decide(job: number, decisions: Decision[]): void {
    this.#decisions.set(job, decisions);
  }

  async flush(): Promise<void> {
    await (this.#context.target ?? this.#context.backend).flush();
  }

  async close(): Promise<void> {
    await closeContext(this.#context);
  }

  /** @returns the rest of a job whose blocks wait for decisions. */
  async #begin(operation: Operation, work: Job): Promise<(() => Promise<void>) | undefined> {
    const context = this.#context;
    const slot = newSlot(context);
    const job = this.#nextJob++;
    const from = { worker: 0, job };
    if (work.kind === 'fetch') {
      await operation.answered({ kind: 'fetched', ...from, findings: await fetchBlocks(context, slot, work.blocks) });
    } else if (work.kind === 'compare') {
      await operation.answered({ kind: 'compared', ...from, ...(await compareBlocks(context, slot, work)) });
    } else if (work.kind === 'zero') {
      await zeroBlocks(context, work.first, work.count);
      await operation.answered({ kind: 'zeroed', ...from });
    } else if (work.kind === 'recode') {
      await operation.answered({ kind: 'recoded', ...from, ...(await recodeBlocks(context, slot, work.blocks)) });
    } else if (work.kind === 'read') {
      await operation.answered({ kind: 'digested', ...from, first: work.first, ...(await readBlocks(context, slot, work)) });
      return async () => {
        const decisions = this.#decisions.get(job);
        if (decisions === undefined) throw new Error(`nobody decided on job ${job}`);
        await operation.answered({ kind: 'stored', ...from, blocks: await storeBlocks(context, slot, { ...work, decisions }) });
      };
    } else throw new Error(`an inline pool does no ${work.kind} jobs`);
    return undefined;
  }
}

/** Runs an operation of core/ with an inline pool, also one that writes to a target. */
export const runInline: RunPool = async ({ settings, data }, { geometry, source, target, zeroMissing }, body) => {
  const { hashFunction, encryption } = settings;
  const options = { ...geometry, hashFunction, encryption, data, zeroMissing, wholeJobs: true };
  const pool = new InlinePool({ ...options, source: source?.spec, target: target?.spec });
  try {
    return await body(pool);
  } finally {
    await pool.close();
  }
};
