import { fetchBlocks } from '../../src/engine/fetch-job.ts';
import type { Decision, FetchBlock, Finding, Job } from '../../src/engine/messages.ts';
import type { Operation } from '../../src/engine/operation.ts';
import { type PoolOptions, planSlots, type SlotPlan, workerSetups } from '../../src/engine/pool-options.ts';
import { readBlocks, storeBlocks } from '../../src/engine/read-job.ts';
import { closeContext, openContext, type Slot, type WorkerContext } from '../../src/engine/worker-context.ts';

type ReadJob = Extract<Job, { kind: 'read' }>;

/**
 * Does the work of a `WorkerPool` in the test's own thread, with what its workers use: source, target, data backend, hashes. It reads as many
 * jobs as there are slots before it stores the first of them, so that equal blocks meet in flight.
 */
export class InlinePool {
  readonly slots: SlotPlan;
  readonly #context: WorkerContext;
  readonly #decisions = new Map<number, Decision[]>();
  #nextJob = 0;

  constructor(options: PoolOptions) {
    this.slots = planSlots(options);
    const [setup] = workerSetups(options, this.slots);
    if (setup === undefined) throw new Error('a pool has a worker');
    const onChange = () => {
      if (this.#context.hashes.isReady) this.#context.hashes.flush();
    };
    const { signal } = new AbortController();
    this.#context = openContext(setup, { signal, hashes: { onChange, mayWait: () => false }, onRetry: () => {} });
  }

  decide(job: number, decisions: Decision[]): void {
    this.#decisions.set(job, decisions);
  }

  flush(): Promise<void> {
    return (this.#context.target ?? this.#context.backend).flush();
  }

  close(): Promise<void> {
    return closeContext(this.#context);
  }

  /** Runs an operation of read jobs to its end. */
  async run(operation: Operation): Promise<void> {
    for (;;) {
      const jobs: ReadJob[] = [];
      for (let order = await operation.next(); order !== undefined; order = await operation.next()) {
        if (order.kind !== 'read') throw new Error(`no job of kind ${order.kind} is expected`);
        if (jobs.push(order) === this.slots.slotsPerWorker) break;
      }
      if (jobs.length === 0) return;
      await this.#perform(operation, jobs);
    }
  }

  /** Fetches blocks and writes them to the target. */
  fetch(blocks: readonly FetchBlock[]): Promise<Finding[]> {
    return fetchBlocks(this.#context, this.#slot(), blocks);
  }

  async #perform(operation: Operation, orders: readonly ReadJob[]): Promise<void> {
    const context = this.#context;
    const jobs = orders.map((order) => ({ order, job: this.#nextJob++, slot: this.#slot() }));
    for (const { order, job, slot } of jobs) {
      const read = await readBlocks(context, slot, order);
      await operation.answered({ kind: 'digested', worker: 0, job, first: order.first, ...read });
    }
    for (const { order, job, slot } of jobs) {
      const decisions = this.#decisions.get(job);
      if (decisions === undefined) throw new Error(`nothing was decided of job ${job}`);
      const blocks = await storeBlocks(context, slot, { ...order, decisions });
      await operation.answered({ kind: 'stored', worker: 0, job, blocks });
    }
  }

  #slot(): Slot {
    return { bytes: new Uint8Array(this.slots.slotBytes), other: undefined };
  }
}
