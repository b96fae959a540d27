/** A clock that jumps to the next moment at which somebody wakes up. */
export class SimClock {
  now: Date;
  #sleepers: { at: number; resolve: () => void }[] = [];

  constructor(now: Date) {
    this.now = now;
  }

  /** Sleeps for some simulated seconds; an abort wakes it up. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const sleeper = { at: this.now.getTime() + Math.max(0, seconds) * 1000, resolve };
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        resolve();
      });
      this.#sleepers.push(sleeper);
    });
  }

  /** Lets time pass up to `until`, while everything else runs in between. */
  async runTo(until: Date): Promise<void> {
    for (;;) {
      // All work between two sleeps is done by microtasks, but for the first import of a module.
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until.getTime()) break;
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
      this.now = new Date(next.at);
      next.resolve();
    }
    this.now = until;
  }
}
