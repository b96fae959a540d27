import { AsyncLocalStorage } from 'node:async_hooks';

/** A call that waits until its program may go on. */
interface Waiting {
  program: string;
  goOn(): void;
}

/**
 * Lets programs in one process take turns: once each has come to its next {@link turn}, one of
 * them, chosen by `random`, goes on.
 */
export class Turns {
  readonly #running = new Set<string>();
  readonly #waiting: Waiting[] = [];
  readonly #current = new AsyncLocalStorage<string>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Runs programs at the same time. @returns what became of each. */
  run<T>(programs: Record<string, () => Promise<T>>): Promise<PromiseSettledResult<T>[]> {
    for (const name of Object.keys(programs)) this.#running.add(name);
    const all = Object.entries(programs).map(([name, program]) =>
      this.#current.run(name, async () => {
        try {
          await this.turn();
          return await program();
        } finally {
          this.#running.delete(name);
          this.#next();
        }
      }),
    );
    return Promise.allSettled(all);
  }

  /** A step of a program. Other code goes on at once. */
  turn(): Promise<void> {
    const program = this.#current.getStore();
    if (program === undefined || !this.#running.has(program)) return Promise.resolve();
    return new Promise((goOn) => {
      this.#waiting.push({ program, goOn });
      this.#next();
    });
  }

  /** Calls of an object become steps. */
  stepping<T extends object>(target: T, names?: readonly string[]): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object);
        if (typeof value !== 'function') return value;
        if (names !== undefined && !names.includes(String(name))) return value.bind(object);
        return async (...args: unknown[]) => {
          await this.turn();
          return Reflect.apply(value, object, args);
        };
      },
    });
  }

  #next(): void {
    const there = [...new Set(this.#waiting.map(({ program }) => program))].sort();
    if (there.length === 0 || there.length < this.#running.size) return;
    const chosen = there[Math.floor(this.#random() * there.length)];
    // All its calls go on: one of several at a time may be its last step.
    const calls = this.#waiting.filter(({ program }) => program === chosen);
    this.#waiting.splice(0, Number.POSITIVE_INFINITY, ...this.#waiting.filter(({ program }) => program !== chosen));
    for (const { goOn } of calls) goOn();
  }
}
