import { toPlainError } from '../../errors.ts';
import { newAborter } from '../../model/aborter.ts';
import { alignedBytes } from '../../native/direct-io.ts';
import type { FromWorker, ToWorker, WorkerSetup } from '../shared/messages.ts';
import { Outbox } from '../shared/outbox.ts';
import { compareBlocks } from './compare-job.ts';
import { fetchBlocks, zeroBlocks } from './fetch-job.ts';
import { readBlocks, storeBlocks } from './read-job.ts';
import { recodeBlocks } from './recode-job.ts';
import { SlotScheduler, type Start, type Store } from './slot-scheduler.ts';
import { viewBlocks } from './view-job.ts';
import { closeContext, openContext, type Slot, type WorkerContext } from './worker-context.ts';

const HEARTBEAT_MS = 1000;

/** The way from a block worker to its pool. */
interface WorkerPort {
  post(messages: FromWorker[]): void;
  /** Called last. Nothing is posted after it. */
  close(): void;
}

/** The answer that ends a job, or `digested`, after which main decides. */
type Answer = Exclude<FromWorker, { kind: 'ready' | 'retrying' | 'flushed' }>;

/**
 * Owns blocks from the source to the blob, or from the blob to the target. Takes jobs from main,
 * does as many at once as it has slots, and answers each. Failures are answers too: main decides
 * what they mean. It runs in a thread of its own (worker-thread.ts), or on main's
 * (inline-member.ts).
 */
export class BlockWorker {
  readonly #setup: WorkerSetup;
  readonly #port: WorkerPort;
  readonly #outbox: Outbox<FromWorker>;
  readonly #aborter = newAborter();
  readonly #scheduler: SlotScheduler;
  readonly #slots: Slot[] = [];
  readonly #context: WorkerContext;
  readonly #heart: NodeJS.Timeout;
  /**
   * On main's thread: jobs to store, one a turn, since encoding a block keeps main from its
   * signals.
   */
  readonly #toStore: Store[] = [];
  #isTurnScheduled = false;
  #isClosing = false;

  /**
   * Opens source, target and backend, and says that it is ready. When one of them can't be opened,
   * it says that and closes the port.
   */
  static open(setup: WorkerSetup, port: WorkerPort): BlockWorker | undefined {
    try {
      return new BlockWorker(setup, port);
    } catch (error) {
      port.post([
        { kind: 'failed', worker: setup.index, job: undefined, ticket: undefined, error: toPlainError(error, 'worker') },
      ]);
      port.close();
      return undefined;
    }
  }

  private constructor(setup: WorkerSetup, port: WorkerPort) {
    this.#setup = setup;
    this.#port = port;
    this.#outbox = new Outbox((messages) => port.post(messages));
    this.#scheduler = new SlotScheduler({ slots: setup.slots, ioSlots: setup.ioSlots });
    this.#context = openContext(setup, {
      signal: this.#aborter.signal,
      hashes: {
        onChange: () => this.#takeTurns(),
        // A reader waits for blocks that are viewed; and without spare slots, waiting blocks are in
        // the way of reading.
        mayWait: () => setup.arena === undefined && this.#scheduler.hasSpareSlots && !this.#aborter.signal.aborted,
      },
      onRetry: (notice) => this.#send({ kind: 'retrying', worker: setup.index, notice }),
    });
    const heartbeats = new Int32Array(setup.heartbeats);
    this.#heart = setInterval(() => Atomics.add(heartbeats, setup.index, 1), HEARTBEAT_MS);
    this.#send({ kind: 'ready', worker: setup.index });
  }

  receive(messages: readonly ToWorker[]): void {
    for (const message of messages) this.#receive(message);
  }

  #receive(message: ToWorker): void {
    switch (message.kind) {
      case 'job':
        if (!this.#scheduler.add(message.job, message.work)) this.#answerDropped([message.job]);
        this.#takeTurns();
        break;
      case 'decide': {
        const store = this.#scheduler.decide(message.job, message.decisions);
        if (store !== undefined) this.#decided(store);
        break;
      }
      case 'flush':
        void this.#flush(message.ticket);
        break;
      case 'drop':
        this.#answerDropped(this.#scheduler.drop(message));
        this.#takeTurns();
        break;
      case 'finish':
        this.#answerDropped(this.#scheduler.finish());
        this.#aborter.abort(new Error('the operation was stopped'));
        this.#closeWhenDone();
        break;
    }
  }

  #decided(store: Store): void {
    if (this.#setup.mayBlock) this.#perform(store.job, () => this.#store(store));
    else {
      this.#toStore.push(store);
      this.#takeTurns();
    }
  }

  /**
   * Starts one job a turn of the event loop: a job may read before it returns, and decisions that
   * come in between free slots whose bytes are still in the processor's cache.
   */
  #takeTurns(): void {
    if (this.#isTurnScheduled) return;
    if (this.#toStore.length === 0 && !this.#scheduler.hasTurn(this.#context.hashes)) return;
    this.#isTurnScheduled = true;
    setImmediate(() => {
      const { hashes } = this.#context;
      this.#isTurnScheduled = false;
      const store = this.#toStore.shift();
      if (store !== undefined) this.#perform(store.job, () => this.#store(store));
      const start = this.#scheduler.startNext(hashes);
      if (start !== undefined) this.#perform(start.job, () => this.#start(start));
      // A job that has just started may have read its blocks, and adds them after this turn.
      if ((start === undefined || hashes.isFull) && this.#scheduler.shouldHash(hashes))
        void hashes.flush(this.#scheduler.isMoving(hashes) ? 'pool' : 'here');
      this.#takeTurns();
    });
  }

  /** Does a piece of a job, and gives its answer. */
  #perform(job: number, piece: () => Promise<Answer>): void {
    void piece()
      .catch((error: unknown) => this.#failure(error, { job }))
      .then((answer) => {
        this.#conclude(job, answer);
        this.#takeTurns();
        this.#closeWhenDone();
      });
  }

  #conclude(job: number, answer: Answer): void {
    let isDropped = false;
    if (answer.kind === 'digested') isDropped = !this.#scheduler.digested(job);
    else this.#scheduler.ended(job);
    if (isDropped) this.#answerDropped([job]);
    else this.#send(answer);
  }

  async #start({ job, work, slot: number }: Start): Promise<Answer> {
    const [context, worker, slot] = [this.#context, this.#setup.index, this.#slot(number)];
    switch (work.kind) {
      case 'read':
        return { kind: 'digested', worker, job, first: work.first, ...(await readBlocks(context, slot, work)) };
      case 'fetch':
        return { kind: 'fetched', worker, job, findings: await fetchBlocks(context, slot, work.blocks) };
      case 'compare':
        return { kind: 'compared', worker, job, ...(await compareBlocks(context, slot, work)) };
      case 'recode':
        return { kind: 'recoded', worker, job, ...(await recodeBlocks(context, slot, work.blocks)) };
      case 'view':
        return { kind: 'viewed', worker, job, outcomes: await viewBlocks(context, work.blocks) };
      case 'zero':
        await zeroBlocks(context, work.first, work.count);
        return { kind: 'zeroed', worker, job };
    }
  }

  async #store({ job, work, slot, decisions }: Store): Promise<Answer> {
    const context = this.#context;
    const blocks = await context.writing.during(() => storeBlocks(context, this.#slot(slot), { ...work, decisions }));
    return { kind: 'stored', worker: this.#setup.index, job, blocks };
  }

  async #flush(ticket: number): Promise<void> {
    const { target, backend } = this.#context;
    try {
      await (target ?? backend).flush();
      this.#send({ kind: 'flushed', worker: this.#setup.index, ticket });
    } catch (error) {
      this.#send(this.#failure(error, { ticket }));
    }
  }

  /** Made on first use: a job of a few blocks needs few. */
  #slot(number: number): Slot {
    this.#slots[number] ??= { bytes: alignedBytes(this.#setup.slotBytes), other: undefined };
    return this.#slots[number];
  }

  #answerDropped(jobs: readonly number[]): void {
    for (const job of jobs) this.#send({ kind: 'dropped', worker: this.#setup.index, job });
  }

  #closeWhenDone(): void {
    if (this.#isClosing || !this.#scheduler.isDone) return;
    this.#isClosing = true;
    void closeContext(this.#context).finally(() => {
      clearInterval(this.#heart);
      this.#outbox.flush();
      this.#port.close();
    });
  }

  #failure(error: unknown, { job, ticket }: { job?: number; ticket?: number }): Answer {
    return { kind: 'failed', worker: this.#setup.index, job, ticket, error: toPlainError(error, 'worker') };
  }

  #send(message: FromWorker): void {
    this.#outbox.add(message);
  }
}
