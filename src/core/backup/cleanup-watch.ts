import type { DataBackend } from '../../data/data-backend.ts';
import type { BackupRow } from '../../meta/types.ts';
import type { Context } from '../context.ts';
import { openStorage } from '../storage.ts';

const PAGE_ROWS = 10_000;
/** Blobs that are looked for at once. */
const AT_ONCE = 32;

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
  async gone(rows: readonly BackupRow[]): Promise<ReadonlySet<BackupRow>> {
    if (rows.length === 0 || (await this.#context.meta.fullCleanups()) === this.#begunWith) return new Set();
    return this.#withBackend((backend) => missing(backend, rows));
  }

  /** Marks blocks of a version whose blobs are gone invalid, so that it can't be finished as it is. To be called when all rows are in. */
  async markGone(versionUid: string): Promise<void> {
    const { meta, logger } = this.#context;
    const cleanups = await meta.fullCleanups();
    if (cleanups === this.#checkedWith) return;
    logger.warning('A cleanup --full has run beside this backup. Looking whether all of its blobs are there.');
    await this.#withBackend(async (backend) => {
      for (let after = -1; ; ) {
        const page = await meta.blockPage(versionUid, after, PAGE_ROWS);
        for (const { id, uid, checksum } of await missing(backend, page)) {
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

async function missing<T extends { uid: string | null }>(backend: DataBackend, rows: readonly T[]): Promise<Set<T>> {
  const gone = new Set<T>();
  const looks = new Map<string, Promise<boolean>>();
  for (let start = 0; start < rows.length; start += AT_ONCE) {
    await Promise.all(
      rows.slice(start, start + AT_ONCE).map(async (row) => {
        if (row.uid === null) return;
        const look = looks.get(row.uid) ?? isMissing(backend, row.uid);
        looks.set(row.uid, look);
        if (await look) gone.add(row);
      }),
    );
  }
  return gone;
}

async function isMissing(backend: DataBackend, uid: string): Promise<boolean> {
  const { state } = await backend.probe(uid);
  if (state !== 'unknown') return state === 'missing';
  for await (const listed of backend.list(uid)) if (listed === uid) return false;
  return true;
}
