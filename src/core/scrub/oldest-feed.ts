import type { MetaStore } from '../../meta/meta-store.ts';
import type { BlobToCheck, CheckCursor } from '../../meta/verification-store.ts';
import type { FeedJob } from '../blocks/fetch-feed.ts';

/** Blobs that are looked up at first, and at most at a time: a look may read the whole database. */
const FIRST_PAGE_BLOBS = 1_000;
const MOST_PAGE_BLOBS = 16_000;

/** Where a feed ends. */
interface FeedLimits {
  /** Blobs to check. */
  blobs: number;
  /** No job is given later than this, by `performance.now()`. */
  endMs: number;
  /** Unix seconds: blobs that were verified at this time or later are left out. */
  beforeSeconds: number;
  /** Bytes of the largest block. */
  blockSize: number;
}

/** Gives the blobs that were verified longest ago, as jobs. */
export class OldestFeed {
  readonly limits: FeedLimits;
  /** Whether the time was over before all blobs were given. */
  isOutOfTime = false;
  readonly #meta: MetaStore;

  constructor(meta: MetaStore, limits: FeedLimits) {
    this.#meta = meta;
    this.limits = limits;
  }

  async *jobs(blobsPerJob: number): AsyncIterableIterator<FeedJob> {
    let job: BlobToCheck[] = [];
    for await (const blob of this.#blobs()) {
      // Answers name blobs by their block's id.
      if (job.length >= blobsPerJob || job.some(({ id }) => id === blob.id)) {
        yield toJob(job);
        job = [];
      }
      job.push(blob);
    }
    if (job.length > 0) yield toJob(job);
  }

  async *#blobs(): AsyncIterableIterator<BlobToCheck> {
    const { blobs, endMs, blockSize } = this.limits;
    let given = 0;
    for await (const blob of this.#oldestFirst()) {
      if (given >= blobs) return;
      this.isOutOfTime = performance.now() >= endMs;
      if (this.isOutOfTime) return;
      // The row is damaged, which a scrub of its version reports.
      if (blob.size > blockSize) continue;
      given++;
      yield blob;
    }
  }

  /** Looks up a page at a time, since most blobs are not needed; later pages are larger. */
  async *#oldestFirst(): AsyncIterableIterator<BlobToCheck> {
    let limit = FIRST_PAGE_BLOBS;
    for (let after: CheckCursor | undefined; ; ) {
      const { blobs, cursor } = await this.#meta.longestUnchecked(after, this.limits.beforeSeconds, limit);
      yield* blobs;
      if (cursor === undefined) return;
      after = cursor;
      limit = Math.min(2 * limit, MOST_PAGE_BLOBS);
    }
  }
}

function toJob(blocks: BlobToCheck[]): FeedJob {
  return { work: { kind: 'fetch', blocks }, blocks: [], passed: [] };
}
