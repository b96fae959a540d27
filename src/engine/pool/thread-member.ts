import { Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerSetup } from '../shared/messages.ts';
import { Outbox } from '../shared/outbox.ts';
import type { MemberEvents, PoolMember } from './pool-member.ts';

/**
 * V8's space for new objects in each thread. Blocks are not in it; V8 would let it grow to 48 MiB,
 * and it takes 7 MiB of memory then. Each small block has as many objects as a large one: with the
 * least space, a tenth of a backup's processor time went into clearing it.
 */
const YOUNG_GENERATION_MB = { small: 12, large: 3 };
const SMALL_BLOCK_BYTES = 64 * 1024;

/** A block worker in a thread of its own. */
export class ThreadMember implements PoolMember {
  readonly jobs = new Set<number>();
  readonly gone: Promise<void>;
  isReady = false;
  readonly #thread: Worker;
  readonly #outbox: Outbox<ToWorker>;
  #isGone = false;

  /** Starts the thread with `program`; until it is ready, messages wait. */
  constructor(program: URL, setup: WorkerSetup, events: MemberEvents) {
    const thread = new Worker(program, {
      workerData: setup,
      name: `block-worker-${setup.index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB[setup.blockSize <= SMALL_BLOCK_BYTES ? 'small' : 'large'] },
    });
    this.#thread = thread;
    this.#outbox = new Outbox((messages) => thread.postMessage(messages));
    this.gone = new Promise((resolve) => {
      thread.once('exit', (code) => {
        this.#isGone = true;
        events.onExit(code);
        resolve();
      });
    });
    thread.on('error', events.onError);
    thread.on('message', (messages: FromWorker[]) => {
      for (const message of messages) events.onMessage(message);
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  post(message: ToWorker): void {
    if (!this.#isGone) this.#outbox.add(message);
  }

  terminate(): Promise<unknown> {
    return this.#thread.terminate();
  }

  unref(): void {
    this.#thread.unref();
  }
}
