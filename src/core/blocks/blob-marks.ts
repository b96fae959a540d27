import type { BlobHolder, BlobName } from '../../meta/block-store.ts';
import { GroupCommitter } from './group-committer.ts';
import { type Marking, tryToMark } from './marks.ts';

/** The database may be read completely for each group. */
const GROUP_BLOBS = 1_000;
const GROUP_MS = 5_000;
/** Marking takes at most one tenth of the time. */
const PAUSE_SHARE = 9;

/** How a {@link BlobMarks} marks. */
interface BlobMarksOptions extends Marking {
  /**
   * Called for each blob once it is marked, with the versions that have it, oldest first; there may
   * be none by now.
   */
  onMarked(blob: BlobName, holders: readonly BlobHolder[]): void;
}

/**
 * Marks bad blobs, and all versions that have them, invalid. In groups: a crash loses the marks of
 * the last seconds. What was reported is bad all the same, and the next scrub finds it again.
 */
export class BlobMarks {
  /** Versions that are invalid now. */
  readonly versions = new Set<string>();
  readonly #options: BlobMarksOptions;
  readonly #added = new Set<string>();
  readonly #group: GroupCommitter<BlobName>;
  #notBeforeMs = 0;

  constructor(options: BlobMarksOptions) {
    this.#options = options;
    this.#group = new GroupCommitter({
      dueItems: GROUP_BLOBS,
      dueMs: GROUP_MS,
      commit: (blobs) => this.#mark(blobs),
    });
  }

  /** Adds a blob, unless it was added before. It is marked by {@link settle} at the latest. */
  async add({ uid, checksum }: BlobName): Promise<void> {
    const key = `${uid} ${checksum}`;
    if (this.#added.has(key)) return;
    this.#added.add(key);
    this.#group.add({ uid, checksum });
    if (performance.now() >= this.#notBeforeMs) await this.#group.commitIfDue();
  }

  /** Marks all that were added. MUST be called at the end. */
  settle(): Promise<void> {
    return this.#group.commit();
  }

  async #mark(blobs: readonly BlobName[]): Promise<void> {
    const { meta, logger, onMarked } = this.#options;
    const startMs = performance.now();
    const done = await tryToMark(this.#options, nameBlobs(blobs), () => meta.markBlobsInvalid(blobs));
    const endMs = performance.now();
    this.#notBeforeMs = endMs + PAUSE_SHARE * (endMs - startMs);
    if (done === undefined) return;
    for (const [i, blob] of blobs.entries()) {
      const holders = done.marked[i] ?? [];
      onMarked(blob, holders);
      const versions = holders.map(({ versionUid }) => versionUid);
      if (versions.length > 0)
        logger.info(
          `Marked block invalid (UID ${blob.uid}, Checksum ${blob.checksum}. Affected versions: ${versions.join(', ')})`,
        );
      for (const version of versions) {
        if (!this.versions.has(version)) logger.info(`Marked version invalid (UID ${version})`);
        this.versions.add(version);
      }
    }
  }
}

function nameBlobs(blobs: readonly BlobName[]): string {
  const [first, ...others] = blobs;
  return others.length === 0 ? `Blob ${first?.uid}` : `Blob ${first?.uid}, with ${others.length} others,`;
}
