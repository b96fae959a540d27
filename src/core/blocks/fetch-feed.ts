import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Job } from '../../engine/shared/messages.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Block, BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** Rows read from the database at a time. */
const PAGE_ROWS = 5_000;
/** Zero blocks that one job may span, in bytes: one call of the file system where it can, 64 writes where not. */
const ZERO_JOB_BYTES = 64 * 1024 * 1024;

/** A job with the blocks that it stands for. */
export interface FeedJob {
  work: Job;
  blocks: BlockRange[];
  /** Blocks beside these that no job stands for. They count as done with this one, so that progress is where the work is. */
  passed: BlockRange[];
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
  /** What to do with a row; `skip` passes it over. */
  classify(row: BlockRow): 'fetch' | 'zero' | 'skip';
  /** What to do with blocks that have no row. */
  gaps: 'zero' | 'skip';
  /** Told of blocks that have no row. */
  onGap(gap: BlockRange): void;
  /** Told of blocks that no job stands for where there is no job for many blocks around. */
  onSkipped(blocks: BlockRange): void;
}

/** Turns a version's rows into jobs, page by page, in bounded memory; messages and signals are heard in between. */
export async function* feedJobs(options: FetchFeedOptions): AsyncIterableIterator<FeedJob> {
  const { meta, version, fromId } = options;
  let nextId = fromId;
  for (let full = true; full; ) {
    const page = await meta.blockPage(version.uid, nextId - 1, PAGE_ROWS);
    full = page.length === PAGE_ROWS;
    const builder = new JobBuilder(options);
    for (const row of page) {
      // No row may stand for a block twice, or for none.
      if (row.id < nextId || row.id >= version.size) continue;
      builder.addGap({ first: nextId, count: row.id - nextId });
      builder.add(row);
      nextId = row.id + 1;
    }
    if (!full) builder.addGap({ first: nextId, count: version.size - nextId });
    yield* builder.finish();
    await nextTurn();
  }
}

/** The jobs of one page. */
class JobBuilder {
  readonly #options: FetchFeedOptions;
  readonly #jobs: FeedJob[] = [];
  #fetch: Block[] = [];
  #run: (BlockRange & { kind: 'zero' | 'skip' }) | undefined;
  #passed: BlockRange[] = [];

  constructor(options: FetchFeedOptions) {
    this.#options = options;
  }

  add(row: BlockRow): void {
    const kind = this.#options.classify(row);
    if (kind === 'fetch') this.#fetch.push(row);
    else this.#extend({ first: row.id, count: 1 }, kind);
    if (this.#fetch.length >= this.#options.blocksPerJob) this.#endFetch();
  }

  addGap(gap: BlockRange): void {
    if (gap.count <= 0) return;
    this.#options.onGap(gap);
    this.#extend(gap, this.#options.gaps);
  }

  finish(): FeedJob[] {
    this.#endFetch();
    this.#endRun();
    const last = this.#jobs.at(-1);
    if (last !== undefined) last.passed.push(...this.#passed);
    else for (const range of this.#passed) this.#options.onSkipped(range);
    return this.#jobs;
  }

  #addJob(work: Job, blocks: BlockRange[]): void {
    this.#jobs.push({ work, blocks, passed: this.#passed });
    this.#passed = [];
  }

  #extend({ first, count }: BlockRange, kind: 'zero' | 'skip'): void {
    if (this.#run?.kind === kind && this.#run.first + this.#run.count === first) this.#run.count += count;
    else {
      this.#endRun();
      this.#run = { first, count, kind };
    }
  }

  #endFetch(): void {
    if (this.#fetch.length === 0) return;
    const blocks = this.#fetch.map(({ id }) => ({ first: id, count: 1 }));
    this.#addJob({ kind: 'fetch', blocks: this.#fetch }, blocks);
    this.#fetch = [];
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run?.kind === 'skip') this.#passed.push(run);
    if (run?.kind !== 'zero') return;
    const most = Math.max(1, Math.floor(ZERO_JOB_BYTES / this.#options.blockSize));
    for (let first = run.first; first < run.first + run.count; first += most) {
      const blocks = { first, count: Math.min(most, run.first + run.count - first) };
      this.#addJob({ kind: 'zero', ...blocks }, [blocks]);
    }
  }
}
