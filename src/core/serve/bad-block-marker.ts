import type { Finding } from '../../engine/shared/messages.ts';
import { messageOf } from '../../errors.ts';
import type { BlockRow } from '../../model/block.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { BadBlockRecorder } from '../blocks/bad-blocks.ts';
import type { Context } from '../context.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import type { Verdict } from './known-bad-blocks.ts';
import { MassDamageCheck } from './mass-damage-check.ts';

/** Blocks that are marked together: too few for mass damage. */
const TOGETHER = 15;

/** A block to mark, and who waits for it. */
interface QueuedBlock {
  finding: Finding;
  row: BlockRow;
  resolve(verdict: Verdict): void;
}

/** Marks bad blocks of an open image in the database. Those that come meanwhile wait together. */
export class BadBlockMarker {
  readonly #context: Context;
  readonly #version: TaggedVersion;
  readonly #massDamage: MassDamageCheck;
  readonly #queue: QueuedBlock[] = [];
  #running: Promise<void> | undefined;

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
    return new Promise((resolve) => {
      this.#queue.push({ finding, row, resolve });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when all marks are written. */
  async settle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#markAll(this.#queue.splice(0, TOGETHER));
    }
    this.#running = undefined;
  }

  async #markAll(queued: readonly QueuedBlock[]): Promise<void> {
    const { meta, logger } = this.#context;
    const version = this.#version;
    // This guard only makes sure that it is still the right store.
    const guard = new DamageGuard(this.#context, { versionUid: version.uid, onMassDamage: 'goOn' });
    // A new recorder each time: a marked block may have been mended and become bad again.
    const recorder = new BadBlockRecorder({ meta, logger, version, during: 'reading', guard });
    const recorded: { block: QueuedBlock; verdict: Verdict }[] = [];
    for (const block of queued) {
      const verdict = await this.#record(recorder, block).catch((error: unknown) => this.#failed(block, error));
      if (verdict === 'unmarked') block.resolve(verdict);
      else recorded.push({ block, verdict });
    }
    try {
      await guard.settle();
      await recorder.settle();
      for (const { block, verdict } of recorded) block.resolve(verdict);
    } catch (error) {
      for (const { block } of recorded) block.resolve(this.#failed(block, error));
    }
  }

  async #record(recorder: BadBlockRecorder, { finding, row }: QueuedBlock): Promise<Verdict> {
    if (finding.problem === 'missing' && (await this.#massDamage.isMassDamage())) return 'unmarked';
    return (await recorder.record([finding], [row])).length > 0 ? 'mended' : 'marked';
  }

  #failed({ finding }: QueuedBlock, error: unknown): Verdict {
    this.#context.logger.error(`Block ${finding.id} of version ${this.#version.uid} could not be marked: ${messageOf(error)}`);
    return 'unmarked';
  }
}
