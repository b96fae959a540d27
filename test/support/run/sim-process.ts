import type { Context } from '../../../src/core/context.ts';
import type { Lock, LockMode, LockService } from '../../../src/locking/lock.ts';

/** Locks of all simulated processes, in memory. */
export class SimLocks {
  readonly #held = new Map<string, { by: SimProcess; mode: LockMode }[]>();

  take(name: string, mode: LockMode, by: SimProcess): Lock | undefined {
    const holders = this.#held.get(name) ?? [];
    if (holders.some((holder) => mode === 'exclusive' || holder.mode === 'exclusive')) return undefined;
    const holder = { by, mode };
    this.#held.set(name, [...holders, holder]);
    return { release: async () => this.#drop(name, (one) => one === holder) };
  }

  isHeld(name: string): boolean {
    return this.#held.get(name)?.some(({ mode }) => mode === 'exclusive') ?? false;
  }

  /** Releases all locks of a process, as the kernel does. */
  endOf(process: SimProcess): void {
    for (const name of [...this.#held.keys()]) this.#drop(name, ({ by }) => by === process);
  }

  #drop(name: string, isGone: (holder: { by: SimProcess; mode: LockMode }) => boolean): void {
    this.#held.set(name, this.#held.get(name)?.filter((holder) => !isGone(holder)) ?? []);
  }
}

/**
 * A process that can be killed at any call of the database or of a lock: before it, or after it but
 * before it returns. Its code never continues then, and its locks are free.
 */
export class SimProcess {
  readonly context: Context;
  readonly #locks: SimLocks;
  #callsLeft = Number.POSITIVE_INFINITY;
  #isAlive = true;
  #onDeath = () => {};
  readonly death = new Promise<void>((resolve) => {
    this.#onDeath = resolve;
  });

  /** @param dieAfter calls of the database or of locks, in halves: 1.5 is in the second call. */
  constructor(base: Context, locks: SimLocks, dieAfter?: number) {
    this.#locks = locks;
    this.#callsLeft = dieAfter ?? Number.POSITIVE_INFINITY;
    const meta = new Proxy(base.meta, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...rest: unknown[]) => this.#call(() => Reflect.apply(method, target, rest) as unknown);
      },
    });
    const service: LockService = {
      tryAcquire: (name, mode) => this.#call(() => locks.take(name, mode, this)),
      isHeld: async (name) => locks.isHeld(name),
      holders: async () => [],
      confirm: async () => {},
      close: async () => {},
    };
    this.context = { ...base, meta, locks: service };
  }

  /** Waits for something, unless the process dies meanwhile: then it waits for ever. */
  async whileAlive<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    return this.#isAlive ? result : new Promise(() => {});
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#locks.endOf(this);
    this.#onDeath();
  }

  async #call<T>(work: () => T | Promise<T>): Promise<T> {
    this.#callsLeft -= 0.5;
    if (this.#callsLeft <= 0) this.kill();
    if (!this.#isAlive) return new Promise(() => {});
    const result = await work();
    this.#callsLeft -= 0.5;
    if (this.#callsLeft <= 0) this.kill();
    return this.whileAlive(Promise.resolve(result));
  }
}
