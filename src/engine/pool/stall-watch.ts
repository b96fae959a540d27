const LOOK_EVERY_MS = 5_000;
/** A worker's event loop that has not turned for so long is stuck: hashing the largest block takes seconds. */
const DEAF_AFTER_MS = 120_000;
/** When nobody has ended a job for so long, that is told, and again each time it has been twice as long. */
const QUIET_AFTER_MS = 30_000;
/** A worker that has jobs but ends none for so long hangs in its I/O. Long: storage that recovers is better waited for. */
const IDLE_AFTER_MS = 15 * 60_000;

/** What counts as a stall, and what then. */
export interface StallRules {
  /** Whether it is the workers' turn: false while main itself is busy or waits for something else. */
  isWaiting(): boolean;
  /** What the slowest job may take by configured bandwidth alone. */
  slowestJobMs: number;
  onStall(worker: number, why: string): void;
  /** Told now and then while all workers wait for their I/O. */
  onQuiet(seconds: number): void;
}

/** Notices workers that no longer move. Works on what is cheap to see: heartbeats in shared memory, times of messages. */
export class StallWatch {
  readonly #heartbeats: Int32Array;
  readonly #rules: StallRules;
  readonly #beats: { count: number; since: number }[] = [];
  readonly #lastMoves: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #nextQuietMs = QUIET_AFTER_MS;

  constructor(heartbeats: Int32Array, rules: StallRules) {
    this.#heartbeats = heartbeats;
    this.#rules = rules;
  }

  /** Notes that a worker got a job or gave an answer. */
  moved(worker: number): void {
    this.#lastMoves[worker] = performance.now();
  }

  start(): void {
    const now = performance.now();
    for (let worker = 0; worker < this.#heartbeats.length; worker++) {
      this.#lastMoves[worker] = now;
      this.#beats[worker] = { count: this.#heartbeats[worker] ?? 0, since: now };
    }
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    for (const [worker, beat] of this.#beats.entries()) {
      const count = Atomics.load(this.#heartbeats, worker);
      if (count !== beat.count) this.#beats[worker] = { count, since: now };
      else if (now - beat.since > DEAF_AFTER_MS) this.#rules.onStall(worker, `has not moved for ${DEAF_AFTER_MS / 1000} s`);
    }
    // One worker may wait for the others' turn at a gate; all of them at once may not.
    if (!this.#rules.isWaiting()) this.#lastMoves.fill(now);
    this.#tellQuiet(now - Math.max(...this.#lastMoves));
    const idleAfterMs = IDLE_AFTER_MS + this.#rules.slowestJobMs;
    if (this.#lastMoves.every((move) => now - move > idleAfterMs)) {
      this.#rules.onStall(0, `and all others have ended no block for ${Math.round(idleAfterMs / 60_000)} minutes`);
    }
  }

  #tellQuiet(quietMs: number): void {
    if (quietMs < QUIET_AFTER_MS) this.#nextQuietMs = QUIET_AFTER_MS;
    if (quietMs < this.#nextQuietMs) return;
    this.#nextQuietMs *= 2;
    this.#rules.onQuiet(Math.floor(quietMs / 1000));
  }
}
