import { BackyError, fromPlainError, messageOf } from '../../errors.ts';
import { optimizeLater } from '../../native/v8-flags.ts';
import type { Decision, FromWorker, WorkerSetup } from '../shared/messages.ts';
import type { BlockPool } from './block-pool.ts';
import { FlushTickets } from './flush-tickets.ts';
import { InlineMember } from './inline-member.ts';
import type { JobAnswer, Operation } from './operation.ts';
import { mostIdle, type PoolMember } from './pool-member.ts';
import { isInline, type PoolOptions, planSlots, type SlotPlan, slowestJobMs, workerSetups } from './pool-options.ts';
import { type QueueLoads, queueLoads } from './queue-loads.ts';
import { StallWatch } from './stall-watch.ts';
import { ThreadMember } from './thread-member.ts';
import { within } from './within.ts';
import { workerUrl } from './worker-url.ts';

/**
 * Jobs in a worker's queue beyond its slots: after a batch, all its slots get the next block
 * without waiting for main. With one, 4 GiB took a tenth more processor time.
 */
const PREFETCHED_JOBS = 8;
/** Time for jobs in flight to end once the operation is to stop. */
const DRAIN_LIMIT_MS = 10_000;
const CLOSE_LIMIT_MS = 10_000;
const TERMINATE_LIMIT_MS = 3_000;
/** Hint for a failure that is probably the program's own, or a lack of memory. */
const WORKER_HINT = 'Check the kernel log for a lack of memory. If there is none, run it again with -d, which logs more.';

/**
 * Starts block workers and hands jobs to them. The first failure ends {@link run} in bounded time:
 * a worker that fails, dies or stalls, or an answer that could not be handled.
 */
export class WorkerPool implements BlockPool {
  readonly slots: SlotPlan;
  readonly #setups: WorkerSetup[];
  readonly #isInline: boolean;
  readonly #program: URL;
  readonly #signal: AbortSignal;
  readonly #onRetry: PoolOptions['onRetry'];
  readonly #members: PoolMember[] = [];
  readonly #owners = new Map<number, PoolMember>();
  readonly #flushes = new FlushTickets();
  readonly #watch: StallWatch;
  #operation: Operation | undefined;
  #failure: { error: unknown } | undefined;
  #nextJob = 0;
  #handling = 0;
  #feeding = false;
  #exhausted = false;
  #offered = false;
  #dropped: 'none' | 'queued' | 'all' = 'none';
  #wake: () => void = () => {};
  #closing = false;
  #hasStuckThreads = false;

  /**
   * Starts the threads, which takes 30 ms: best done before other preparations.
   * `signal`: once aborted, no new job starts, and `run` resolves when those in flight have ended.
   */
  constructor(options: PoolOptions, signal: AbortSignal) {
    this.#isInline = isInline(options);
    this.slots = planSlots(options);
    this.#setups = workerSetups(options, this.slots);
    this.#program = options.workerProgram ?? workerUrl();
    this.#signal = signal;
    this.#onRetry = options.onRetry;
    this.#watch = new StallWatch(new Int32Array(this.#setups[0]?.heartbeats ?? new SharedArrayBuffer(4)), {
      isWaiting: () => this.#flushes.size > 0 || (this.#owners.size > 0 && this.#handling === 0),
      slowestJobMs: slowestJobMs(options, this.slots),
      onQuiet: options.onQuiet ?? (() => {}),
      onStall: (worker, why) =>
        this.#fail(
          new BackyError('worker', `Block worker ${worker} ${why}.`, {
            hint: 'Check the source, the target and the data backend for hanging I/O.',
          }),
        ),
    });
    this.#start();
  }

  /** True when a worker could not be ended: the process must exit without waiting for it. */
  get hasStuckThreads(): boolean {
    return this.#hasStuckThreads;
  }

  /** How busy the workers are now. Costs as much as a few blocks. */
  get loads(): QueueLoads {
    const { writing } = this.#setups[0] ?? { writing: new SharedArrayBuffer(4) };
    return queueLoads(writing, this.#owners.size, this.#setups.length * this.slots.ioSlotsPerWorker);
  }

  /** Resolves when all workers are ready, or when one never will be: {@link run} then says why. */
  async ready(): Promise<void> {
    while (!this.#isStopping && this.#members.some((member) => !member.isReady)) await this.#nextEvent(Number.POSITIVE_INFINITY);
  }

  /**
   * Resolves when no job is left and every answer is handled. MAY be called again with another
   * operation.
   */
  async run(operation: Operation): Promise<void> {
    this.#operation = operation;
    this.#exhausted = false;
    await this.#untilDone();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Has `next` of the running operation asked again, though no job has ended. */
  offer(): void {
    this.#offered = true;
    this.#wake();
  }

  /** Answers `digested`. */
  decide(job: number, decisions: Decision[]): void {
    this.#owners.get(job)?.post({ kind: 'decide', job, decisions });
  }

  /** Makes durable all that workers have answered as stored or fetched before the call. */
  async flush(): Promise<void> {
    const living = this.#members.filter((member) => !member.isGone);
    if (living.length < this.#members.length)
      throw new BackyError('worker', 'A block worker is gone, so its blobs may not be durable.', { hint: WORKER_HINT });
    await this.#flushes.ask(living.length, (ticket) => {
      for (const member of living) member.post({ kind: 'flush', ticket });
    });
  }

  /** Ends all workers, in bounded time. MUST be called. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#watch.stop();
    this.#signal.removeEventListener('abort', this.#onAbort);
    for (const member of this.#members) member.post({ kind: 'finish' });
    await within(CLOSE_LIMIT_MS, Promise.all(this.#members.map((member) => member.gone)));
    const stuck = this.#members.filter((member) => !member.isGone);
    if (stuck.length === 0) return;
    this.#hasStuckThreads = !(await within(TERMINATE_LIMIT_MS, Promise.all(stuck.map((member) => member.terminate()))));
    if (this.#hasStuckThreads) for (const member of stuck) member.unref();
  }

  readonly #onAbort = () => this.#wake();

  #start(): void {
    this.#watch.start();
    this.#signal.addEventListener('abort', this.#onAbort);
    for (const setup of this.#setups) {
      const events = {
        onMessage: (message: FromWorker) => this.#receive(member, message),
        onError: (error: unknown) => this.#broke(setup.index, error),
        onExit: (code: number) => this.#died(member, setup.index, code),
      };
      const member: PoolMember = this.#isInline
        ? new InlineMember(setup, events)
        : new ThreadMember(this.#program, setup, events);
      this.#members.push(member);
    }
  }

  /**
   * Feeds until nothing is left. After a failure or an abort, waits a limited time for jobs in
   * flight.
   */
  async #untilDone(): Promise<void> {
    let stopBy = Number.POSITIVE_INFINITY;
    for (;;) {
      const stopping = this.#isStopping;
      if (stopping && stopBy === Number.POSITIVE_INFINITY) stopBy = performance.now() + DRAIN_LIMIT_MS;
      if (stopping) this.#dropJobs();
      this.#offered = false;
      if (!stopping) await this.#feed();
      // An offer or a failure in the meantime woke nobody, and no further event may come.
      if (this.#offered || this.#isStopping !== stopping) continue;
      if (this.#owners.size === 0 && this.#handling === 0 && (this.#exhausted || stopping)) return;
      const left = stopBy - performance.now();
      if (left <= 0) return this.#fail(new BackyError('worker', 'Blocks in flight did not end in time.', { hint: WORKER_HINT }));
      await this.#nextEvent(left);
    }
  }

  get #isStopping(): boolean {
    return this.#failure !== undefined || this.#signal.aborted;
  }

  /** Drops jobs that have not started; after a failure, also blocks that wait for a decision. */
  #dropJobs(): void {
    const wanted = this.#failure === undefined ? 'queued' : 'all';
    if (this.#dropped === wanted || this.#dropped === 'all') return;
    this.#dropped = wanted;
    for (const member of this.#members) member.post({ kind: 'drop', undecided: wanted === 'all' });
  }

  /** Hands out jobs until every worker has enough. */
  async #feed(): Promise<void> {
    const operation = this.#operation;
    if (operation === undefined || this.#feeding) return;
    this.#feeding = true;
    try {
      for (;;) {
        const member = mostIdle(this.#members, this.slots.slotsPerWorker + PREFETCHED_JOBS);
        if (member === undefined || this.#isStopping) return;
        const work = await operation.next();
        this.#exhausted = work === undefined;
        if (work === undefined) return;
        const job = this.#nextJob++;
        member.jobs.add(job);
        this.#owners.set(job, member);
        this.#watch.moved(this.#members.indexOf(member));
        member.post({ kind: 'job', job, work });
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#feeding = false;
    }
  }

  #receive(member: PoolMember, message: FromWorker): void {
    this.#watch.moved(message.worker);
    switch (message.kind) {
      case 'ready':
        member.isReady = true;
        if (!this.#isInline && this.#members.every((one) => one.isReady)) optimizeLater();
        break;
      case 'dropped':
        this.#ended(message.job);
        break;
      case 'retrying':
        this.#onRetry(message.notice);
        break;
      case 'flushed':
        this.#flushes.settle(message.ticket, message.worker);
        break;
      case 'failed':
        if (message.ticket !== undefined) this.#flushes.settle(message.ticket, message.worker, fromPlainError(message.error));
        else this.#fail(fromPlainError(message.error));
        if (message.job !== undefined) this.#ended(message.job);
        break;
      default:
        this.#handle(message);
    }
    this.#wake();
  }

  #handle(answer: JobAnswer): void {
    const operation = this.#operation;
    if (operation === undefined) return;
    // A read job goes on after its checksums are known; every other answer ends its job.
    if (answer.kind !== 'digested') this.#ended(answer.job);
    // Nothing is decided after a failure: the worker answers such a job as dropped.
    else if (this.#failure !== undefined) return;
    this.#handling++;
    void (async () => operation.answered(answer))()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#handling--;
        this.#wake();
      });
  }

  #ended(job: number): void {
    this.#owners.get(job)?.jobs.delete(job);
    this.#owners.delete(job);
  }

  #broke(index: number, error: unknown): void {
    const message = `Block worker ${index} failed: ${messageOf(error)}`;
    this.#fail(new BackyError('worker', message, { hint: WORKER_HINT, cause: error }));
  }

  #died(member: PoolMember, index: number, code: number): void {
    for (const job of [...member.jobs]) this.#ended(job);
    this.#flushes.fail(index);
    if (!this.#closing)
      this.#fail(new BackyError('worker', `Block worker ${index} ended with code ${code}.`, { hint: WORKER_HINT }));
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    // A commit that waits for a flush must not wait for a worker that hangs.
    if (error instanceof BackyError && error.code === 'worker') this.#flushes.abandon(error);
    this.#wake();
  }

  #nextEvent(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => this.#wake(), limitMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve();
      };
    });
  }
}
