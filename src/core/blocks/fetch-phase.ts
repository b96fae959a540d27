import type { BlockPool } from '../../engine/pool/block-pool.ts';
import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Finding, Job } from '../../engine/shared/messages.ts';
import type { Block } from '../../model/block.ts';
import type { DamageGuard } from '../store/damage-guard.ts';
import type { CheckLog } from './check-log.ts';
import type { FeedJob } from './fetch-feed.ts';

/** The blocks of a job. */
type FeedBlocks = Pick<FeedJob, 'blocks' | 'passed'>;

/** Blocks to fetch, and where their findings go. */
interface CheckedFetch {
  jobs: AsyncIterableIterator<FeedJob>;
  bad: FindingRecorder;
  /** Counts the blobs, and holds reports of missing ones back. */
  guard: DamageGuard;
  /** Notes which blobs were verified. */
  checks: CheckLog;
  /** Called with the fetched blocks of each job, good or not. */
  onFetched?(read: readonly Block[]): void;
  /** Called with the blocks of each `compare` job, before `onDone`. */
  onCompared?(compared: ComparedBlocks): void;
  /** Called when a job is finished, however its blocks are. */
  onDone?(job: FeedBlocks): void;
}

/** How blocks of the target compare with their rows. */
export interface ComparedBlocks {
  blocks: readonly Block[];
  /** Those that differ, or can't be read. */
  different: readonly Block[];
  /** For each block that can't be read, the reason. */
  unreadable: readonly string[];
}

/** Records what is wrong with blocks. */
export interface FindingRecorder {
  /**
   * Takes the findings of a job, and all blocks of it.
   * @returns blocks to fetch once more at the end:
   * their rows have changed.
   */
  record(findings: readonly Finding[], read: readonly Block[]): Promise<readonly Block[]>;
  /** Marks what was recorded. MUST be called at the end, after the guard has settled. */
  settle(): Promise<void>;
}

/**
 * Fetches blocks, or compares them with the target first, and checks what was fetched. However it
 * ends, findings are recorded and verifications noted.
 */
export async function fetchChecked(pool: BlockPool, signal: AbortSignal, options: CheckedFetch): Promise<void> {
  await settlingFindings(options, async () => {
    await pool.run(new FetchPhase(options));
    signal.throwIfAborted();
  });
}

/** Where findings and verifications go. */
interface Settled {
  guard: DamageGuard;
  bad: Pick<FindingRecorder, 'settle'>;
  checks?: CheckLog;
}

/** Runs `body`. However it ends, findings are recorded and verifications noted. */
export async function settlingFindings<T>({ guard, bad, checks }: Settled, body: () => Promise<T>): Promise<T> {
  try {
    const result = await body();
    await guard.settle();
    await bad.settle();
    return result;
  } finally {
    // Findings before a failure are marked as well, if possible.
    await guard.settle().catch(() => {});
    await bad.settle().catch(() => {});
    await checks?.close();
  }
}

type GivenJob = FeedBlocks & { work: Job };

type CompareJob = Extract<Job, { kind: 'compare' }>;
type Compared = Extract<JobAnswer, { kind: 'compared' }>;

class FetchPhase implements Operation {
  readonly #options: CheckedFetch;
  /** By number: the pool numbers jobs in the order of `next`. */
  readonly #jobs = new Map<number, GivenJob>();
  readonly #retries: Block[] = [];
  #given = 0;

  constructor(options: CheckedFetch) {
    this.#options = options;
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#options.jobs.next();
    if (done !== true && value !== undefined) return this.#give(value.work, value);
    const block = this.#retries.pop();
    return block === undefined ? undefined : this.#give({ kind: 'fetch', blocks: [block] }, { blocks: [], passed: [] });
  }

  async answered(answer: JobAnswer): Promise<void> {
    const job = this.#jobs.get(answer.job);
    this.#jobs.delete(answer.job);
    if (job === undefined) return;
    const { work } = job;
    if (answer.kind === 'fetched' && work.kind === 'fetch') await this.#check(work.blocks, answer.findings);
    if (answer.kind === 'compared' && work.kind === 'compare') await this.#compared(work, answer);
    this.#options.onDone?.(job);
  }

  async #compared({ blocks, write }: CompareJob, { different: ids, unreadable, findings }: Compared): Promise<void> {
    const wanted = new Set(ids);
    const different = blocks.filter(({ id }) => wanted.has(id));
    this.#options.onCompared?.({ blocks, different, unreadable });
    const fetched = different.filter(({ uid }) => uid !== null);
    if (write && fetched.length > 0) await this.#check(fetched, findings);
  }

  async #check(read: readonly Block[], findings: readonly Finding[]): Promise<void> {
    const { guard, checks, bad, onFetched } = this.#options;
    guard.countProbed(read.length);
    onFetched?.(read);
    await checks.add(read, findings);
    if (findings.length > 0) this.#retries.push(...(await bad.record(findings, read)));
  }

  #give(work: Job, { blocks, passed }: FeedBlocks): Job {
    this.#jobs.set(this.#given++, { blocks, passed, work });
    return work;
  }
}
