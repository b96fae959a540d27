import type { Finding } from '../../engine/shared/messages.ts';
import type { BlobToCheck } from '../../meta/verification-store.ts';
import type { Block } from '../../model/block.ts';
import { describeFinding } from '../blocks/bad-blocks.ts';
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

/** Reports bad blobs, and marks them and all versions that hold them invalid. */
export class BadBlobRecorder implements FindingRecorder {
  readonly found: BadBlob[] = [];
  readonly affectedVersions = new Set<string>();
  readonly #context: Context;
  readonly #guard: DamageGuard;
  readonly #checks: CheckLog;

  constructor(context: Context, guard: DamageGuard, checks: CheckLog) {
    this.#context = context;
    this.#guard = guard;
    this.#checks = checks;
  }

  /** @param read what the feed gave. @returns nothing: no blob is read a second time. */
  async record(findings: readonly Finding[], read: readonly Block[]): Promise<[]> {
    const { meta } = this.#context;
    for (const finding of findings) {
      const blob = read.find(({ id }) => id === finding.id) as BlobToCheck | undefined;
      // Its last version was removed, or its rows were repaired, while it was being read.
      if (blob === undefined || !(await meta.isNamed(blob.uid, blob.checksum))) continue;
      const { uid, versionUid, id, checksum: expected } = blob;
      const { problem, actual } = finding;
      this.found.push({ uid, versionUid, id, problem, actual, expected });
      if (problem !== 'missing') await this.#report(finding, blob);
      else {
        await this.#guard.reportMissing(async () => {
          this.#checks.addMissing(uid);
          await this.#report(finding, blob);
        });
      }
    }
    return [];
  }

  async #report(finding: Finding, blob: BlobToCheck): Promise<void> {
    const { meta, logger } = this.#context;
    const { uid, versionUid, checksum } = blob;
    logger.error(`Version ${versionUid}: ${describeFinding(finding, blob, 'scrub')}`);
    const versions = await meta.markBlockInvalid(uid, checksum);
    logger.info(`Marked block invalid (UID ${uid}, Checksum ${checksum}. Affected versions: ${versions.join(', ')})`);
    for (const version of versions) {
      if (!this.affectedVersions.has(version)) logger.info(`Marked version invalid (UID ${version})`);
      this.affectedVersions.add(version);
    }
  }
}
