import type { Finding } from '../../engine/shared/messages.ts';
import { messageOf } from '../../errors.ts';
import type { BlockRow } from '../../model/block.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import type { Context } from '../context.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import type { Verdict } from './known-bad-blocks.ts';
import { MassDamageCheck } from './mass-damage-check.ts';

/** Marks bad blocks of an open image in the database, one after the other. */
export class BadBlockMarker {
  readonly #context: Context;
  readonly #version: TaggedVersion;
  readonly #massDamage: MassDamageCheck;
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: Context, version: TaggedVersion) {
    this.#context = context;
    this.#version = version;
    this.#massDamage = new MassDamageCheck(context, version.uid);
  }

  /**
   * Marks a block unless it was mended meanwhile or blobs are missing in large numbers. Never
   * rejects.
   */
  mark(finding: Finding, row: BlockRow): Promise<Verdict> {
    const verdict = this.#last.then(() => this.#mark(finding, row));
    this.#last = verdict;
    return verdict;
  }

  /** Resolves when all marks are written. */
  async settle(): Promise<void> {
    await this.#last;
  }

  async #mark(finding: Finding, row: BlockRow): Promise<Verdict> {
    const { meta, logger } = this.#context;
    const version = this.#version;
    try {
      if (finding.problem === 'missing' && (await this.#massDamage.isMassDamage())) return 'unmarked';
      // One block is never mass damage. This guard only makes sure that it is still the right
      // store.
      const guard = new DamageGuard(this.#context, { versionUid: version.uid, onMassDamage: 'goOn' });
      // A new recorder each time: a marked block may have been mended and become bad again.
      const recorder = new BadBlockRecorder({ meta, logger, version, during: 'reading', guard });
      const mended = await recorder.record([finding], [row]);
      await guard.settle();
      return mended.length > 0 ? 'mended' : 'marked';
    } catch (error) {
      logger.error(`Block ${finding.id} of version ${version.uid} could not be marked: ${messageOf(error)}`);
      return 'unmarked';
    }
  }
}
