import type { Context } from '../context.ts';
import { DamageGuard } from '../store/damage-guard.ts';

/**
 * How long a result is reused. A check costs up to some hundred requests and delays a reader.
 * Without this limit, an image that lacks many blobs would need one per block.
 */
const RESULT_AGE_MS = 60_000;

/** Checks whether many blobs of an open image are missing, at most once per minute. */
export class MassDamageCheck {
  readonly #context: Context;
  readonly #versionUid: string;
  readonly #clock: () => number;
  #last: { atMs: number; result: Promise<boolean> } | undefined;

  /** @param clock monotonic, in milliseconds. */
  constructor(context: Context, versionUid: string, clock: () => number = () => performance.now()) {
    this.#context = context;
    this.#versionUid = versionUid;
    this.#clock = clock;
  }

  /**
   * Rejects when the data backend is the wrong store or can't be checked. A rejection is reused for
   * a minute too.
   */
  isMassDamage(): Promise<boolean> {
    const now = this.#clock();
    if (this.#last === undefined || now - this.#last.atMs >= RESULT_AGE_MS) this.#last = { atMs: now, result: this.#check() };
    return this.#last.result;
  }

  async #check(): Promise<boolean> {
    const guard = new DamageGuard(this.#context, { versionUid: this.#versionUid, onMassDamage: 'goOn' });
    await guard.lookAhead();
    return guard.isMassDamage;
  }
}
