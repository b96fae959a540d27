import type { DataBackend, DeleteOutcome } from '../../data/data-backend.ts';
import type { IsKept } from '../catalogue/manifest-guard.ts';
import type { Context } from '../context.ts';

/** Result of deleting blobs. */
export interface DeletionCounts {
  blobsDeleted: number;
  /** Stored bytes that were freed; null when the data backend can't tell that cheaply. */
  bytesDeleted: number | null;
  /** Blobs that could not be deleted. The next cleanup tries again. */
  errors: DeleteOutcome['failed'];
}

/**
 * Deletes batches of blobs, except for those that are kept. Removes the doomed marks of those that
 * were really deleted.
 */
export class BlobDeletion {
  /** True when the last batch deleted anything, or had blobs to keep that were not seen before. */
  progressed = false;
  blobsDeleted = 0;
  /** Blobs that were to be deleted, but are kept. */
  readonly kept = new Set<string>();
  #bytesDeleted: number | null = 0;
  /** Reasons by uid, since a blob may be tried more than once. */
  readonly #failed = new Map<string, string>();
  readonly #context: Context;
  readonly #backend: DataBackend;
  readonly isKept: IsKept;

  constructor(context: Context, backend: DataBackend, isKept: IsKept = () => false) {
    this.#context = context;
    this.#backend = backend;
    this.isKept = isKept;
  }

  get counts(): DeletionCounts {
    const errors = [...this.#failed].map(([uid, reason]) => ({ uid, reason }));
    return { blobsDeleted: this.blobsDeleted, bytesDeleted: this.#bytesDeleted, errors };
  }

  async delete(all: readonly string[]): Promise<void> {
    const before = this.kept.size;
    const uids = all.filter((uid) => !this.isKept(uid));
    for (const uid of all) if (this.isKept(uid)) this.kept.add(uid);
    this.progressed = this.kept.size > before;
    if (uids.length > 0) await this.#deleteAll(uids);
  }

  async #deleteAll(uids: readonly string[]): Promise<void> {
    for (const uid of uids) this.#context.logger.debug(`Cleanup: Removing UID ${uid}`);
    const sizes = await this.#storedBytes(uids);
    // With its locks lost, another host's backup may store blobs that no row names yet.
    await this.#context.locks.confirm();
    const { deleted, failed } = await this.#backend.delete(uids);
    await this.#context.meta.forgetDoomed(deleted);
    this.progressed ||= deleted.length > 0;
    this.#countDeleted(deleted, sizes);
    for (const { uid, reason } of failed) {
      this.#failed.set(uid, reason);
      this.#context.logger.error(`Cannot delete blob ${uid}: ${reason}. The next cleanup tries again.`);
    }
  }

  #countDeleted(uids: readonly string[], sizes: ReadonlyMap<string, number>): void {
    this.blobsDeleted += uids.length;
    for (const uid of uids) {
      this.#failed.delete(uid);
      const bytes = sizes.get(uid);
      this.#bytesDeleted = bytes === undefined || this.#bytesDeleted === null ? null : this.#bytesDeleted + bytes;
    }
  }

  /** Sizes of the blobs that the backend can tell. A missing blob has 0 bytes. */
  async #storedBytes(uids: readonly string[]): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    await Promise.all(
      uids.map(async (uid) => {
        // A blob that can't be probed may still be deleted. If not, that fails with a reason.
        const probe = await this.#backend.probe(uid).catch(() => undefined);
        if (probe?.state === 'present') sizes.set(uid, probe.storedBytes);
        if (probe?.state === 'missing') sizes.set(uid, 0);
      }),
    );
    return sizes;
  }
}

/** Warns if the storage keeps what was deleted: nothing was freed then. */
export async function warnOfKept({ logger }: Pick<Context, 'logger'>, backend: DataBackend): Promise<void> {
  const kept = await backend.describeKept?.();
  if (kept !== undefined) logger.warning(kept);
}
