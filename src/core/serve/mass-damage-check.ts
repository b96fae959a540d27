import type { Context } from '../context.ts';
import { DamageGuard } from '../store/damage-guard.ts';

/**
 * A look costs up to some hundred requests, one reader waits for it, and an image that lacks many
 * blobs would want one per block.
 */
const LOOK_HOLDS_MS = 60_000;

/**
 * Whether the blobs of an open image are missing in large numbers. At most one look at the store
 * per minute.
 */
export class MassDamageCheck {
  readonly #context: Context;
  readonly #versionUid: string;
  readonly #clock: () => number;
  #last: { at: number; answer: Promise<boolean> } | undefined;

  /** `clock`: monotonic, in milliseconds. */
  constructor(context: Context, versionUid: string, clock: () => number = () => performance.now()) {
    this.#context = context;
    this.#versionUid = versionUid;
    this.#clock = clock;
  }

  /**
   * Rejects, for a minute as well, when the data backend is not the right store or can't be looked
   * at.
   */
  isMassDamage(): Promise<boolean> {
    const now = this.#clock();
    if (this.#last === undefined || now - this.#last.at >= LOOK_HOLDS_MS) this.#last = { at: now, answer: this.#look() };
    return this.#last.answer;
  }

  async #look(): Promise<boolean> {
    const guard = new DamageGuard(this.#context, { versionUid: this.#versionUid, onMassDamage: 'goOn' });
    await guard.lookAhead();
    return guard.isMassDamage;
  }
}
