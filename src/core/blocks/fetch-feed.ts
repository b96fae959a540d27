import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Job } from '../../engine/shared/messages.ts';
import type { Block, BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { type RowsInOrderOptions, rowsInOrder } from './rows-in-order.ts';

/** Bytes of zeros in one job: one call of a file system that can do that, else 64 writes. */
const ZERO_JOB_BYTES = 64 * 1024 * 1024;

/** A job, and the blocks that it is for. */
export interface FeedJob {
  work: Job;
  blocks: BlockRange[];
  /** Blocks before these that need no job. They count as finished with this one. */
  passed: BlockRange[];
}

/** The kind of job that a row needs, if any. */
export type RowTreatment = 'fetch' | 'compare' | 'zero' | 'skip';

/** A version, and how its rows become jobs. */
interface FetchFeedOptions extends RowsInOrderOptions {
  /** Bytes of a block. */
  blockSize: number;
  /** Small blocks in one job. */
  blocksPerJob: number;
  /** Called with each page of rows before they are classified. */
  onPage?(page: readonly BlockRow[]): Promise<void>;
  classify(row: BlockRow): RowTreatment;
  /** The same for blocks without a row. */
  gaps: 'zero' | 'skip';
  /** Whether `compare` jobs write what differs. [true] */
  writes?: boolean | undefined;
  /** Called with blocks that have no row. */
  onGap(gap: BlockRange): void;
  /** Called with blocks that need no job, if no job is near. */
  onSkipped(blocks: BlockRange): void;
}

/** Turns a version's rows into jobs, page by page. Signals and messages are heard between pages. */
export async function* feedJobs(options: FetchFeedOptions): AsyncIterableIterator<FeedJob> {
  for await (const page of rowsInOrder(options)) {
    await options.onPage?.(page.filter((item) => 'uid' in item));
    const builder = new JobBuilder(options);
    for (const item of page) {
      if ('uid' in item) builder.add(item);
      else builder.addGap(item);
    }
    yield* builder.finish();
    await nextTurn();
  }
}

/** Collects the jobs of one page. */
class JobBuilder {
  readonly #options: FetchFeedOptions;
  readonly #jobs: FeedJob[] = [];
  /** Blocks of the next job that reads. */
  #blocks: Block[] = [];
  #kind: 'fetch' | 'compare' = 'fetch';
  #run: (BlockRange & { kind: 'zero' | 'skip' }) | undefined;
  #passed: BlockRange[] = [];

  constructor(options: FetchFeedOptions) {
    this.#options = options;
  }

  add(row: BlockRow): void {
    const kind = this.#options.classify(row);
    if (kind === 'fetch' || kind === 'compare') this.#collect(row, kind);
    else this.#extend({ first: row.id, count: 1 }, kind);
  }

  addGap(gap: BlockRange): void {
    this.#options.onGap(gap);
    this.#extend(gap, this.#options.gaps);
  }

  finish(): FeedJob[] {
    this.#endBlocks();
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

  /** Blocks that are compared are read at once, so they are adjacent. */
  #collect(row: BlockRow, kind: 'fetch' | 'compare'): void {
    const last = this.#blocks.at(-1);
    const fits = kind === this.#kind && (kind === 'fetch' || last === undefined || last.id + 1 === row.id);
    if (!fits) this.#endBlocks();
    this.#kind = kind;
    this.#blocks.push(row);
    if (this.#blocks.length >= this.#options.blocksPerJob) this.#endBlocks();
  }

  #endBlocks(): void {
    const blocks = this.#blocks;
    if (blocks.length === 0) return;
    this.#blocks = [];
    const ranges = blocks.map(({ id }) => ({ first: id, count: 1 }));
    if (this.#kind === 'fetch') this.#addJob({ kind: 'fetch', blocks }, ranges);
    else this.#addJob({ kind: 'compare', blocks, write: this.#options.writes ?? true }, ranges);
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
