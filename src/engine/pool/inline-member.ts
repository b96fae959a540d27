import type { FromWorker, ToWorker, WorkerSetup } from '../shared/messages.ts';
import { Outbox } from '../shared/outbox.ts';
import type { BlockWorker } from '../worker/block-worker.ts';
import type { MemberEvents, PoolMember } from './pool-member.ts';

/**
 * A block worker on the calling thread, for jobs of a few blocks: starting a thread would take
 * longer than the work. It is the one exception to the rule that main never holds a block's bytes.
 * Messages are the same as those of a thread, but they are handed over instead of copied.
 */
export class InlineMember implements PoolMember {
  readonly jobs = new Set<number>();
  readonly gone: Promise<void>;
  isReady = false;
  readonly #events: MemberEvents;
  readonly #outbox: Outbox<ToWorker>;
  readonly #worker: Promise<BlockWorker | undefined>;
  #isGone = false;
  #leave = (): void => {};

  constructor(setup: WorkerSetup, events: MemberEvents) {
    this.#events = events;
    this.gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
    this.#worker = this.#open(setup);
    this.#outbox = new Outbox((messages) => void this.#deliver(messages));
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  post(message: ToWorker): void {
    if (!this.#isGone) this.#outbox.add(message);
  }

  /** Nothing can end what hangs here: the process must leave without waiting for it. */
  terminate(): Promise<unknown> {
    return new Promise(() => {});
  }

  unref(): void {}

  /** Loaded when it is needed: commands without blocks do without the code. */
  async #open(setup: WorkerSetup): Promise<BlockWorker | undefined> {
    try {
      const { BlockWorker } = await import('../worker/block-worker.ts');
      return BlockWorker.open(setup, {
        post: (messages) => this.#receive(messages),
        close: () => this.#exit(0),
      });
    } catch (error) {
      this.#events.onError(error);
      this.#exit(1);
      return undefined;
    }
  }

  async #deliver(messages: readonly ToWorker[]): Promise<void> {
    const worker = await this.#worker;
    try {
      worker?.receive(messages);
    } catch (error) {
      this.#events.onError(error);
    }
  }

  #receive(messages: readonly FromWorker[]): void {
    for (const message of messages) this.#events.onMessage(message);
  }

  #exit(code: number): void {
    this.#isGone = true;
    this.#events.onExit(code);
    this.#leave();
  }
}
