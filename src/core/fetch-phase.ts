import type { Finding, Job } from '../engine/messages.ts';
import type { JobAnswer, Operation } from '../engine/worker-pool.ts';
import type { FeedJob } from './fetch-feed.ts';

/** What happens with the answers. */
export interface FetchPhaseOptions {
  jobs: AsyncIterableIterator<FeedJob>;
  /** Blocks that are wrong, job by job. */
  onFindings(findings: readonly Finding[]): Promise<void>;
  /** Blocks that are done with, good or not. */
  onDone(ids: readonly number[]): void;
}

/** Fetches the blocks of a feed: the part that restore and scrub share. */
export class FetchPhase implements Operation {
  readonly #options: FetchPhaseOptions;
  /** Jobs are numbered by the pool in the order in which `next` gave them. */
  readonly #ids = new Map<number, number[]>();
  #given = 0;

  constructor(options: FetchPhaseOptions) {
    this.#options = options;
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#options.jobs.next();
    if (done === true || value === undefined) return undefined;
    this.#ids.set(this.#given++, value.ids);
    return value.order;
  }

  async answered(answer: JobAnswer): Promise<void> {
    const ids = this.#ids.get(answer.job) ?? [];
    this.#ids.delete(answer.job);
    if (answer.kind === 'fetched' && answer.findings.length > 0) await this.#options.onFindings(answer.findings);
    this.#options.onDone(ids);
  }
}
