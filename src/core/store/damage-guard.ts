import { BackyError } from '../../errors.ts';
import type { NamedBlob } from '../../meta/identity-store.ts';
import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { type ProbeResult, probeBlobs, SAMPLE_BLOBS } from './probe-blobs.ts';
import { withStorage } from './storage.ts';
import { labelOf, massDamage } from './store-errors.ts';

/**
 * Mass damage: at least this many blobs are missing, and more than this share of those looked for.
 */
const MASS_BLOBS = 16;
const MASS_SHARE = 0.05;
/** In place of SAMPLE_BLOBS, if each is a request to a server. */
const SAMPLE_REQUESTS = 4;
/** The second sample, after the first one lacked a blob. */
const WIDE_SAMPLE_BLOBS = 400;

/** Counts of blobs that were looked for or read. */
export interface Tally {
  probed: number;
  missing: number;
}

/**
 * Whether more is missing than damage to single blobs explains: a part of the store may be moved or
 * not mounted.
 */
export function isMassDamage({ probed, missing }: Tally): boolean {
  return missing >= MASS_BLOBS && missing > MASS_SHARE * probed;
}

/** The blobs that a guard is for, and its answer to mass damage. */
interface DamageGuardOptions {
  /** Undefined: all versions. */
  versionUid?: string | undefined;
  /** `stop`: a BackyError `massDamage`. `goOn`: go on without marking. */
  onMassDamage: 'stop' | 'goOn';
  /** Treat missing blobs as lost, however many. Undefined: the command has no such option. */
  acceptDamage?: boolean | undefined;
}

/**
 * Tells damage to single blobs from mass damage, before anything is marked. Holds reports of
 * missing blobs back until it is known which of the two it is.
 */
export class DamageGuard {
  /** Set with `goOn` only: missing blobs are neither marked nor reported from now on. */
  isMassDamage = false;
  readonly #context: Context;
  readonly #options: DamageGuardOptions;
  readonly #tally: Tally = { probed: 0, missing: 0 };
  #held: (() => Promise<void>)[] = [];
  #settling: Promise<void> = Promise.resolve();

  constructor(context: Context, options: DamageGuardOptions) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * Looks for a sample of the blobs, and for a larger one if a blob is missing.
   * @returns the missing ones, some of them twice; none if that is mass damage.
   */
  async lookAhead(): Promise<NamedBlob[]> {
    const { type } = this.#context.data.backend;
    const few = await this.#probe(type === 's3' ? SAMPLE_REQUESTS : SAMPLE_BLOBS);
    if (few.missing.length === 0 || this.isMassDamage) return [];
    const many = await this.#probe(WIDE_SAMPLE_BLOBS);
    await this.conclude({ probed: many.probed, missing: many.missing.length });
    return this.isMassDamage ? [] : [...few.missing, ...many.missing];
  }

  /** Counts blobs that were read or looked for. */
  countProbed(blobs: number): void {
    this.#tally.probed += blobs;
  }

  /** Reports a missing blob, which {@link countProbed} has counted: now, later, or never. */
  async reportMissing(report: () => Promise<void>): Promise<void> {
    this.#tally.missing++;
    if (this.isMassDamage) return;
    if (this.#options.acceptDamage === true) return report();
    this.#held.push(report);
    if (this.#held.length >= MASS_BLOBS) await this.settle();
  }

  /**
   * Decides on the reports that are held back. MUST be called at the end, and again if it failed.
   */
  async settle(): Promise<void> {
    const settling = this.#settling.then(() => this.#settleHeld());
    this.#settling = settling.catch(() => {});
    await settling;
  }

  async #settleHeld(): Promise<void> {
    const held = [...this.#held];
    if (held.length === 0) return;
    try {
      if (isMassDamage(this.#tally)) {
        // Missing blobs may lie close together. A sample of all blobs shows their share.
        const { probed, missing } = await this.#probe(WIDE_SAMPLE_BLOBS);
        await this.conclude({ probed, missing: missing.length });
      } else await this.#confirmStore();
    } catch (error) {
      // With these, nothing is reported. After any other failure it is not decided yet.
      if (error instanceof BackyError && ['wrongStore', 'massDamage'].includes(error.code)) this.#held = [];
      throw error;
    }
    this.#held.splice(0, held.length);
    if (!this.isMassDamage) for (const report of held) await report();
  }

  /** Acts on a tally. */
  async conclude(tally: Tally): Promise<void> {
    const { data, logger } = this.#context;
    await this.#confirmStore();
    if (!isMassDamage(tally) || this.#options.acceptDamage === true) return;
    if (this.#options.onMassDamage === 'stop') {
      throw massDamage(data.backend, { ...tally, canAccept: this.#options.acceptDamage !== undefined });
    }
    this.isMassDamage = true;
    logger.error(
      `Of ${tally.probed} blobs that were looked for in ${labelOf(data.backend)}, ${tally.missing} are missing. Going on without marking any of them.`,
    );
  }

  #confirmStore(): Promise<void> {
    return withStorage(this.#context, (backend) => confirmStore(this.#context, backend));
  }

  #probe(limit: number): Promise<ProbeResult> {
    const { meta, random, signal } = this.#context;
    return withStorage(this.#context, async (backend) => {
      const sample = await meta.sampleBlobs({ limit, random, versionUid: this.#options.versionUid });
      return probeBlobs(backend, sample, signal);
    });
  }
}

/**
 * Throws a BackyError `massDamage` if none of a sample of all blobs is there. A store with a few of
 * them passes: some versions may still be whole.
 */
export async function refuseMissingBlobs(
  context: Pick<Context, 'meta' | 'data' | 'logger' | 'random' | 'signal'>,
  { acceptDamage }: Pick<DamageGuardOptions, 'acceptDamage'>,
): Promise<void> {
  const { meta, data, random, signal } = context;
  const sample = await meta.sampleBlobs({ limit: WIDE_SAMPLE_BLOBS, random, versionUid: undefined });
  const { probed, missing } = await withStorage(context, (backend) => probeBlobs(backend, sample, signal));
  if (missing.length === 0 || missing.length < probed) return;
  throw massDamage(data.backend, { probed, missing: probed, canAccept: acceptDamage !== undefined });
}
