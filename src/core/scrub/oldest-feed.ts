import type { MetaStore } from '../../meta/meta-store.ts';
import type { CheckCursor } from '../../meta/verification-store.ts';
import type { StoredBlob } from '../../model/blob.ts';
import type { BlockRow } from '../../model/block.ts';
import type { FeedJob } from '../blocks/fetch-feed.ts';

/** Blobs that are looked up at first, and at most at a time. */
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
    let job: BlockRow[] = [];
    for await (const blob of this.#blobs()) {
      if (job.push(blob) < blobsPerJob) continue;
      yield toJob(job);
      job = [];
    }
    if (job.length > 0) yield toJob(job);
  }

  /** Numbers the blobs, since answers name blocks by their ids. */
  async *#blobs(): AsyncIterableIterator<BlockRow> {
    const { blobs, endMs, blockSize } = this.limits;
    let given = 0;
    for await (const blob of this.#oldestFirst()) {
      if (given >= blobs) return;
      this.isOutOfTime = performance.now() >= endMs;
      if (this.isOutOfTime) return;
      // The row is damaged, which a scrub of its version reports.
      if (blob.size > blockSize) continue;
      yield { ...blob, id: given++ };
    }
  }

  /** Looks up a page at a time, since most blobs are not needed; later pages are larger. */
  async *#oldestFirst(): AsyncIterableIterator<StoredBlob> {
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

function toJob(blocks: BlockRow[]): FeedJob {
  return { work: { kind: 'fetch', blocks }, blocks: [], passed: [] };
}
