import { BackyError } from '../../errors.ts';

/** A flush that some workers have not answered yet. */
interface OpenFlush {
  waitingFor: Set<number>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Flushes of all workers. Each resolves when every worker has answered, and rejects with the first
 * failure.
 */
export class FlushTickets {
  readonly #open = new Map<number, OpenFlush>();
  #next = 0;

  get size(): number {
    return this.#open.size;
  }

  /** Opens a flush over `workers` workers. `ask` sends them its ticket. */
  async ask(workers: number, ask: (ticket: number) => void): Promise<void> {
    if (workers === 0) return;
    const ticket = this.#next++;
    await new Promise<void>((resolve, reject) => {
      this.#open.set(ticket, { waitingFor: new Set(Array.from({ length: workers }, (_, index) => index)), resolve, reject });
      ask(ticket);
    });
  }

  /** Notes a worker's answer. */
  settle(ticket: number, worker: number, error?: unknown): void {
    const flush = this.#open.get(ticket);
    if (flush === undefined) return;
    flush.waitingFor.delete(worker);
    if (error === undefined && flush.waitingFor.size > 0) return;
    this.#open.delete(ticket);
    if (error === undefined) flush.resolve();
    else flush.reject(error);
  }

  /** Fails the flushes that wait for a worker that has ended. */
  fail(worker: number): void {
    for (const [ticket, flush] of this.#open) {
      if (flush.waitingFor.has(worker)) this.settle(ticket, worker, new BackyError('worker', `Block worker ${worker} ended.`));
    }
  }

  /** Fails all open flushes. */
  abandon(error: unknown): void {
    for (const flush of this.#open.values()) flush.reject(error);
    this.#open.clear();
  }
}
