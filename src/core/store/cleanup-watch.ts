import type { DataBackend } from '../../data/data-backend.ts';
import type { BackupRow } from '../../model/block.ts';
import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { probeBlobs } from './probe-blobs.ts';
import { openStorage } from './storage.ts';

const PAGE_ROWS = 10_000;

/** A row of a block, or one that is about to become one. */
interface NamedRow {
  uid: string | null;
  checksum: string | null;
}

/**
 * Notices a full cleanup beside an operation that stores blobs, which locks should have kept apart: it deletes blobs that have no row
 * yet. Costs one look into the database a group of rows; blobs are looked for once a cleanup has begun.
 */
export class CleanupWatch {
  readonly #context: Context;
  readonly #begunWith: number;
  /** As many cleanups there were when all blobs of the version were looked for. */
  #checkedWith: number;

  /** To be called before the first blob is stored. */
  static async begin(context: Context): Promise<CleanupWatch> {
    return new CleanupWatch(context, await context.meta.fullCleanups());
  }

  private constructor(context: Context, begunWith: number) {
    this.#context = context;
    this.#begunWith = begunWith;
    this.#checkedWith = begunWith;
  }

  /** Those of these rows, which are about to be committed, whose blobs are gone. */
  async findMissing(rows: readonly BackupRow[]): Promise<ReadonlySet<BackupRow>> {
    if (rows.length === 0 || (await this.#context.meta.fullCleanups()) === this.#begunWith) return new Set();
    return this.#withBackend((backend) => missing(this.#context, backend, rows));
  }

  /** Marks blocks of a version whose blobs are gone invalid, so that it can't be finished as it is. To be called when all rows are in. */
  async markMissing(versionUid: string): Promise<void> {
    const { meta, logger } = this.#context;
    const cleanups = await meta.fullCleanups();
    if (cleanups === this.#checkedWith) return;
    logger.warning('A cleanup --full has run beside this backup. Looking whether all of its blobs are there.');
    await this.#withBackend(async (backend) => {
      for (let after = -1; ; ) {
        const page = await meta.blockPage(versionUid, after, PAGE_ROWS);
        for (const { id, uid, checksum } of await missing(this.#context, backend, page)) {
          logger.warning(`Blob ${uid} of block ${id} was cleaned up; the block is read again.`);
          await meta.markBlockInvalid(uid ?? '', checksum);
        }
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.id;
      }
      return new Set();
    });
    this.#checkedWith = cleanups;
  }

  /** The null backend keeps nothing, and so misses nothing. */
  async #withBackend<T>(body: (backend: DataBackend) => Promise<ReadonlySet<T>>): Promise<ReadonlySet<T>> {
    if (this.#context.data.backend.type === 'null') return new Set();
    const backend = openStorage(this.#context);
    try {
      return await body(backend);
    } finally {
      await backend.close();
    }
  }
}

/** Those of the rows whose blobs are gone. BackyError `wrongStore` when all of the store is. */
async function missing<T extends NamedRow>(context: Context, backend: DataBackend, rows: readonly T[]): Promise<ReadonlySet<T>> {
  const named = rows.flatMap(({ uid, checksum }) => (uid === null ? [] : [{ uid, checksum: checksum ?? '' }]));
  const distinct = [...new Map(named.map((blob) => [blob.uid, blob])).values()];
  // A signal that never aborts: the last rows are committed although the user stops the program.
  const probes = await probeBlobs(backend, distinct, new AbortController().signal);
  if (probes.missing.length > 0) await confirmStore(context, backend);
  const gone = new Set(probes.missing.map(({ uid }) => uid));
  return new Set(rows.filter(({ uid }) => uid !== null && gone.has(uid)));
}
