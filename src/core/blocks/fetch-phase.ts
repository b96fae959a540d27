import type { JobAnswer, Operation } from '../../engine/pool/operation.ts';
import type { Finding, Job } from '../../engine/shared/messages.ts';
import type { Block } from '../../model/block.ts';
import type { FeedJob } from './fetch-feed.ts';

/** What happens with the answers. */
export interface FetchPhaseOptions {
  jobs: AsyncIterableIterator<FeedJob>;
  /** Blocks that are wrong, job by job, with all blocks of the job. @returns blocks to fetch as they are now, at the end. */
  onFindings(findings: readonly Finding[], read: readonly Block[]): Promise<readonly Block[]>;
  /** Blocks of a job that were fetched, good or not; resolves when more may come. */
  onFetched?(read: readonly Block[], findings: readonly Finding[]): Promise<void>;
  /** Blocks that are done with, good or not, and such as no job was needed for. */
  onDone(job: Pick<FeedJob, 'blocks' | 'passed'>): void;
}

type Given = Pick<FeedJob, 'blocks' | 'passed'> & { read: readonly Block[] };

/** Fetches the blocks of a feed: the part that restore and scrub share. */
export class FetchPhase implements Operation {
  readonly #options: FetchPhaseOptions;
  /** Jobs are numbered by the pool in the order in which `next` gave them. */
  readonly #jobs = new Map<number, Given>();
  readonly #again: Block[] = [];
  #given = 0;

  constructor(options: FetchPhaseOptions) {
    this.#options = options;
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#options.jobs.next();
    if (done !== true && value !== undefined) return this.#give(value.work, value);
    const block = this.#again.pop();
    return block === undefined ? undefined : this.#give({ kind: 'fetch', blocks: [block] }, { blocks: [], passed: [] });
  }

  async answered(answer: JobAnswer): Promise<void> {
    const job = this.#jobs.get(answer.job);
    this.#jobs.delete(answer.job);
    if (job === undefined) return;
    if (answer.kind === 'fetched') {
      await this.#options.onFetched?.(job.read, answer.findings);
      if (answer.findings.length > 0) this.#again.push(...(await this.#options.onFindings(answer.findings, job.read)));
    }
    this.#options.onDone(job);
  }

  #give(work: Job, { blocks, passed }: Pick<FeedJob, 'blocks' | 'passed'>): Job {
    this.#jobs.set(this.#given++, { blocks, passed, read: work.kind === 'fetch' ? work.blocks : [] });
    return work;
  }
}
