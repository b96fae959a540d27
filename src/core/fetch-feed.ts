import type { FetchBlock, Job } from '../engine/messages.ts';
import type { MetaStore } from '../meta/meta-store.ts';
import type { BlockRow, TaggedVersion } from '../meta/types.ts';

/** Rows read from the database at a time. */
const PAGE_ROWS = 5_000;

/** A job with the ids that it stands for. */
export interface FeedJob {
  order: Job;
  ids: number[];
}

/** How a version's rows become jobs. */
export interface FetchFeedOptions {
  meta: MetaStore;
  version: TaggedVersion;
  /** Bytes of a block. */
  blockSize: number;
  /** Small blocks that go together in one job. */
  blocksPerJob: number;
  /** Rows with lower ids are passed over. */
  fromId: number;
  /** What to do with a row; undefined passes it over. */
  classify(row: BlockRow): 'fetch' | 'zero' | undefined;
  /** Told of ids that have no row. */
  onGap(first: number, count: number): void;
  /** Told of rows that were passed over. */
  onSkipped(row: BlockRow): void;
}

/** Zero blocks that one job may span, in bytes: one call of the file system where it can, 64 writes where not. */
const ZERO_JOB_BYTES = 64 * 1024 * 1024;

/** Turns a version's rows into jobs, page by page, in bounded memory. */
export async function* feedJobs(options: FetchFeedOptions): AsyncIterableIterator<FeedJob> {
  const { meta, version, blockSize, blocksPerJob, fromId } = options;
  const zeroBlocks = Math.max(1, Math.floor(ZERO_JOB_BYTES / blockSize));
  let fetch: FetchBlock[] = [];
  let zero: { first: number; count: number } | undefined;
  let nextId = fromId;
  for (;;) {
    const page = await meta.blockPage(version.uid, nextId - 1, PAGE_ROWS);
    for (const row of page) {
      if (row.id > nextId) options.onGap(nextId, row.id - nextId);
      nextId = row.id + 1;
      const kind = options.classify(row);
      if (kind === 'fetch') fetch.push(row);
      else if (kind === undefined) options.onSkipped(row);
      else if (zero !== undefined && zero.first + zero.count === row.id && zero.count < zeroBlocks) zero.count++;
      else {
        if (zero !== undefined) yield zeroJob(zero);
        zero = { first: row.id, count: 1 };
      }
      if (fetch.length >= blocksPerJob) {
        yield fetchJob(fetch);
        fetch = [];
      }
    }
    if (page.length < PAGE_ROWS) break;
  }
  if (fetch.length > 0) yield fetchJob(fetch);
  if (zero !== undefined) yield zeroJob(zero);
  if (nextId < version.size) options.onGap(nextId, version.size - nextId);
}

function fetchJob(blocks: FetchBlock[]): FeedJob {
  return { order: { kind: 'fetch', blocks }, ids: blocks.map((block) => block.id) };
}

function zeroJob({ first, count }: { first: number; count: number }): FeedJob {
  return { order: { kind: 'zero', first, count }, ids: Array.from({ length: count }, (_, index) => first + index) };
}
