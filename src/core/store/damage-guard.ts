import { BackyError } from '../../errors.ts';
import type { NamedBlob } from '../../meta/identity-store.ts';
import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { type ProbeResult, probeBlobs, SAMPLE_BLOBS } from './probe-blobs.ts';
import { openStorage } from './storage.ts';
import { labelOf, massDamage } from './store-errors.ts';

/** At least so many missing blobs, and a larger share than this of those that were looked for, are no damage to single blobs. */
const MASS_BLOBS = 16;
const MASS_SHARE = 0.05;
/** In place of SAMPLE_BLOBS, where each is a request to a server. */
const SAMPLE_REQUESTS = 4;
/** And then, before more than one missing blob is believed. */
const WIDE_SAMPLE_BLOBS = 400;

/** Blobs that were looked for, or read, and how many of them are missing. */
export interface Tally {
  probed: number;
  missing: number;
}

/** Whether so much is missing that it is no damage to single blobs: rather a part of the store that was moved or not mounted. */
export function isMassDamage({ probed, missing }: Tally): boolean {
  return missing >= MASS_BLOBS && missing > MASS_SHARE * probed;
}

/** Whose blobs a guard looks after, and what mass damage leads to. */
export interface DamageGuardOptions {
  /** Undefined: all versions. */
  versionUid?: string | undefined;
  /** `stop`: a BackyError `massDamage`. `goOn`: go on without marking. */
  onMassDamage: 'stop' | 'goOn';
  /** Take missing blobs for lost, however many. Undefined: the command has no such option. */
  acceptDamage?: boolean | undefined;
}

/**
 * Tells damage to single blobs from a store that lacks a part, before anything is marked. Reports of missing blobs are held back until it
 * is known which of the two it is.
 */
export class DamageGuard {
  /** Nothing is to be marked, and single blobs are not to be named. Only with `goOn`. */
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

  /** Looks for a few of the blobs, and for more when one is missing. @returns those that are missing, some of them twice; none when that is mass damage. */
  async lookAhead(): Promise<NamedBlob[]> {
    const { type } = this.#context.data.backend;
    const few = await this.#probe(type === 's3' ? SAMPLE_REQUESTS : SAMPLE_BLOBS);
    if (few.missing.length === 0 || this.isMassDamage) return [];
    const many = await this.#probe(WIDE_SAMPLE_BLOBS);
    await this.conclude({ probed: many.probed, missing: many.missing.length });
    return this.isMassDamage ? [] : [...few.missing, ...many.missing];
  }

  /** Counts blobs that were read, or looked for. */
  looked(blobs: number): void {
    this.#tally.probed += blobs;
  }

  /** Has a missing blob, which {@link looked} has counted, reported: now, later, or never. */
  async missing(report: () => Promise<void>): Promise<void> {
    this.#tally.missing++;
    if (this.isMassDamage) return;
    if (this.#options.acceptDamage === true) return report();
    this.#held.push(report);
    if (this.#held.length >= MASS_BLOBS) await this.settle();
  }

  /** Decides about what is held back. MUST be called at the end; again, where it failed. */
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
        // What is missing may lie close together: a sample of all blobs shows the share.
        const { probed, missing } = await this.#probe(WIDE_SAMPLE_BLOBS);
        await this.conclude({ probed, missing: missing.length });
      } else await this.#withStorage((backend) => confirmStore(this.#context, backend));
    } catch (error) {
      // Then nothing may be reported. After any other failure it is not decided yet.
      if (error instanceof BackyError && ['wrongStore', 'massDamage'].includes(error.code)) this.#held = [];
      throw error;
    }
    this.#held.splice(0, held.length);
    if (!this.isMassDamage) for (const report of held) await report();
  }

  /** Acts on a tally. */
  async conclude(tally: Tally): Promise<void> {
    const { data, logger } = this.#context;
    await this.#withStorage((backend) => confirmStore(this.#context, backend));
    if (!isMassDamage(tally) || this.#options.acceptDamage === true) return;
    if (this.#options.onMassDamage === 'stop') {
      throw massDamage(data.backend, { ...tally, canAccept: this.#options.acceptDamage !== undefined });
    }
    this.isMassDamage = true;
    logger.error(
      `Of ${tally.probed} blobs that were looked for in ${labelOf(data.backend)}, ${tally.missing} are missing. Going on without marking any of them.`,
    );
  }

  #probe(limit: number): Promise<ProbeResult> {
    const { meta, random, signal } = this.#context;
    return this.#withStorage(async (backend) => {
      const sample = await meta.sampleBlobs({ limit, random, versionUid: this.#options.versionUid });
      return probeBlobs(backend, sample, signal);
    });
  }

  async #withStorage<T>(body: (backend: ReturnType<typeof openStorage>) => Promise<T>): Promise<T> {
    const backend = openStorage(this.#context);
    try {
      return await body(backend);
    } finally {
      await backend.close();
    }
  }
}
