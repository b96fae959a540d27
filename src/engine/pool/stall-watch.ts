const LOOK_EVERY_MS = 5_000;
/**
 * Time without a turn of its event loop after which a worker is stuck. Hashing the largest block
 * takes seconds.
 */
const DEAF_AFTER_MS = 120_000;
/** Time without an ended job before the first warning. Each further warning waits twice as long. */
const QUIET_AFTER_MS = 30_000;
/** Time without an ended job after which I/O hangs. Long, since storage may recover. */
const IDLE_AFTER_MS = 15 * 60_000;

/** Rules of a {@link StallWatch}. */
interface StallRules {
  /** Main waits for the workers: it is neither busy nor waiting for something else. */
  isWaiting(): boolean;
  /** Milliseconds that the slowest job may take by the configured bandwidth alone. */
  slowestJobMs: number;
  onStall(worker: number, why: string): void;
  /** Called from time to time while all workers wait for their I/O. */
  onQuiet(seconds: number): void;
}

/** Notices stuck workers, by heartbeats in shared memory and the times of their messages. */
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
      else if (now - beat.since > DEAF_AFTER_MS) this.#rules.onStall(worker, `has not responded for ${DEAF_AFTER_MS / 1000} s`);
    }
    // One worker may wait at a gate while others pass; all of them at once may not.
    if (!this.#rules.isWaiting()) this.#lastMoves.fill(now);
    this.#warnQuiet(now - Math.max(...this.#lastMoves));
    const idleAfterMs = IDLE_AFTER_MS + this.#rules.slowestJobMs;
    if (this.#lastMoves.every((move) => now - move > idleAfterMs)) {
      this.#rules.onStall(0, `and all others have ended no block for ${Math.round(idleAfterMs / 60_000)} minutes`);
    }
  }

  #warnQuiet(quietMs: number): void {
    if (quietMs < QUIET_AFTER_MS) this.#nextQuietMs = QUIET_AFTER_MS;
    if (quietMs < this.#nextQuietMs) return;
    this.#nextQuietMs *= 2;
    this.#rules.onQuiet(Math.floor(quietMs / 1000));
  }
}
