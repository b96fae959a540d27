import type { Finding } from '../../engine/shared/messages.ts';
import type { BlobHolder, BlobName } from '../../meta/block-store.ts';
import type { Block, BlockRow } from '../../model/block.ts';
import { describeFinding } from '../blocks/bad-blocks.ts';
import { BlobMarks } from '../blocks/blob-marks.ts';
import type { CheckLog } from '../blocks/check-log.ts';
import type { FindingRecorder } from '../blocks/fetch-phase.ts';
import type { Context } from '../context.ts';
import type { DamageGuard } from '../store/damage-guard.ts';

/** A bad blob. */
export interface BadBlob {
  uid: string;
  /** A version that holds it, and its block there. */
  versionUid: string;
  id: number;
  problem: Finding['problem'];
  /** `is` in JSON, and `should_be`: see BadBlock. */
  actual: string;
  expected: string | null;
}

/**
 * Reports bad blobs, and marks them and all versions that hold them invalid: by {@link settle} at
 * the latest. Which versions hold them is known only then.
 */
export class BadBlobRecorder implements FindingRecorder {
  readonly found: BadBlob[] = [];
  readonly #context: Context;
  readonly #guard: DamageGuard;
  readonly #checks: CheckLog;
  readonly #marks: BlobMarks;
  /** Blobs that are not marked yet, by uid. */
  readonly #unmarked = new Map<string, { finding: Finding; block: BlockRow }>();

  constructor(context: Context, guard: DamageGuard, checks: CheckLog) {
    const { meta, logger } = context;
    this.#context = context;
    this.#guard = guard;
    this.#checks = checks;
    this.#marks = new BlobMarks({ meta, logger, onMarked: (blob, holders) => this.#report(blob, holders) });
  }

  /** Versions that are invalid now. */
  get affectedVersions(): ReadonlySet<string> {
    return this.#marks.versions;
  }

  /** @param read what the feed gave. @returns nothing: no blob is read a second time. */
  async record(findings: readonly Finding[], read: readonly Block[]): Promise<[]> {
    for (const finding of findings) {
      const block = read.find(({ id }) => id === finding.id) as BlockRow | undefined;
      if (block === undefined || block.uid === null) continue;
      const { uid, checksum } = block;
      const mark = async () => {
        this.#unmarked.set(uid, { finding, block });
        await this.#marks.add({ uid, checksum });
      };
      if (finding.problem !== 'missing') await mark();
      // A cleanup may have deleted it while it was being read.
      else if (await this.#context.meta.isNamed(uid, checksum))
        await this.#guard.reportMissing(async () => {
          this.#checks.addMissing(uid);
          await mark();
        });
    }
    return [];
  }

  settle(): Promise<void> {
    return this.#marks.settle();
  }

  /**
   * A blob that nobody holds is no finding: its last version was removed, or its rows were
   * repaired, while it was being read.
   */
  #report({ uid }: BlobName, [holder]: readonly BlobHolder[]): void {
    const bad = this.#unmarked.get(uid);
    this.#unmarked.delete(uid);
    if (bad === undefined || holder === undefined) return;
    const { finding, block } = bad;
    const { versionUid, id } = holder;
    const { problem, actual } = finding;
    this.found.push({ uid, versionUid, id, problem, actual, expected: block.checksum });
    const described = describeFinding({ ...finding, id }, block, 'scrub');
    this.#context.logger.error(`Version ${versionUid}: ${described}`);
  }
}
