import type { DataBackend } from '../../data/data-backend.ts';
import type { BlobName } from '../../meta/block-store.ts';
import { newAborter } from '../../model/aborter.ts';
import type { BackupRow } from '../../model/block.ts';
import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { probeBlobs } from './probe-blobs.ts';
import { withStorage } from './storage.ts';

const PAGE_ROWS = 10_000;

/** A row of a block, committed or not. */
interface NamedRow {
  uid: string | null;
  checksum: string | null;
}

/**
 * Notices a full cleanup that runs beside an operation that stores blobs, although locks should
 * keep them apart. It deletes blobs that have no row yet. Costs one query for each group of rows.
 * Blobs are looked for only after a cleanup has begun.
 */
export class CleanupWatch {
  readonly #context: Context;
  readonly #begunWith: number;
  /** The number of cleanups when all blobs of the version were last looked for. */
  #checkedWith: number;

  /** MUST be called before the first blob is stored. */
  static async begin(context: Context): Promise<CleanupWatch> {
    return new CleanupWatch(context, await context.meta.fullCleanups());
  }

  private constructor(context: Context, begunWith: number) {
    this.#context = context;
    this.#begunWith = begunWith;
    this.#checkedWith = begunWith;
  }

  /** The rows, of those that are about to be committed, whose blobs are missing. */
  async findMissing(rows: readonly BackupRow[]): Promise<ReadonlySet<BackupRow>> {
    if (rows.length === 0 || (await this.#context.meta.fullCleanups()) === this.#begunWith) return new Set();
    return this.#withBackend((backend) => missing(this.#context, backend, rows));
  }

  /**
   * Marks blocks whose blobs are missing invalid, so that the version can't be finished. MUST be
   * called when all rows are committed.
   */
  async markMissing(versionUid: string): Promise<void> {
    const { meta, logger } = this.#context;
    const cleanups = await meta.fullCleanups();
    if (cleanups === this.#checkedWith) return;
    logger.warning('A cleanup --full has run during this backup. Checking whether all of its blobs are there.');
    await this.#withBackend(async (backend) => {
      for (let after = -1; ; ) {
        const page = await meta.blockPage(versionUid, after, PAGE_ROWS);
        const gone = new Map<string, BlobName>();
        for (const { id, uid, checksum } of await missing(this.#context, backend, page)) {
          logger.warning(`Blob ${uid} of block ${id} was cleaned up; the block is read again.`);
          gone.set(`${uid} ${checksum}`, { uid: uid ?? '', checksum });
        }
        if (gone.size > 0) await meta.markBlobsInvalid([...gone.values()]);
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.id;
      }
      return new Set();
    });
    this.#checkedWith = cleanups;
  }

  /** The null backend keeps no blobs, so that none is missing. */
  async #withBackend<T>(body: (backend: DataBackend) => Promise<ReadonlySet<T>>): Promise<ReadonlySet<T>> {
    if (this.#context.data.backend.type === 'null') return new Set();
    return withStorage(this.#context, body);
  }
}

/**
 * The rows whose blobs are missing.
 * @throws BackyError `wrongStore` if the store is another one by now.
 */
async function missing<T extends NamedRow>(context: Context, backend: DataBackend, rows: readonly T[]): Promise<ReadonlySet<T>> {
  const named = rows.flatMap(({ uid, checksum }) => (uid === null ? [] : [{ uid, checksum: checksum ?? '' }]));
  const distinct = [...new Map(named.map((blob) => [blob.uid, blob])).values()];
  // A signal that never aborts: the last rows are committed after the user stops the program.
  const probes = await probeBlobs(backend, distinct, newAborter().signal);
  if (probes.missing.length > 0) await confirmStore(context, backend);
  const gone = new Set(probes.missing.map(({ uid }) => uid));
  return new Set(rows.filter(({ uid }) => uid !== null && gone.has(uid)));
}
