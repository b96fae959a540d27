import type { Finding, Job } from '../engine/messages.ts';
import type { JobAnswer, Operation } from '../engine/worker-pool.ts';
import type { BlockRange } from '../meta/types.ts';
import type { FeedJob } from './fetch-feed.ts';

/** What happens with the answers. */
export interface FetchPhaseOptions {
  jobs: AsyncIterableIterator<FeedJob>;
  /** Blocks that are wrong, job by job. */
  onFindings(findings: readonly Finding[]): Promise<void>;
  /** Blocks that are done with, good or not. */
  onDone(blocks: readonly BlockRange[]): void;
}

/** Fetches the blocks of a feed: the part that restore and scrub share. */
export class FetchPhase implements Operation {
  readonly #options: FetchPhaseOptions;
  /** Jobs are numbered by the pool in the order in which `next` gave them. */
  readonly #blocks = new Map<number, BlockRange[]>();
  #given = 0;

  constructor(options: FetchPhaseOptions) {
    this.#options = options;
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#options.jobs.next();
    if (done === true || value === undefined) return undefined;
    this.#blocks.set(this.#given++, value.blocks);
    return value.order;
  }

  async answered(answer: JobAnswer): Promise<void> {
    const blocks = this.#blocks.get(answer.job) ?? [];
    this.#blocks.delete(answer.job);
    if (answer.kind === 'fetched' && answer.findings.length > 0) await this.#options.onFindings(answer.findings);
    this.#options.onDone(blocks);
  }
}
