import type { Finding, Job } from '../engine/messages.ts';
import type { JobAnswer, Operation } from '../engine/operation.ts';
import type { FeedJob } from './fetch-feed.ts';

/** What happens with the answers. */
export interface FetchPhaseOptions {
  jobs: AsyncIterableIterator<FeedJob>;
  /** Blocks that are wrong, job by job. */
  onFindings(findings: readonly Finding[]): Promise<void>;
  /** Blocks that are done with, good or not, and such as no job was needed for. */
  onDone(job: Pick<FeedJob, 'blocks' | 'passed'>): void;
}

/** Fetches the blocks of a feed: the part that restore and scrub share. */
export class FetchPhase implements Operation {
  readonly #options: FetchPhaseOptions;
  /** Jobs are numbered by the pool in the order in which `next` gave them. */
  readonly #jobs = new Map<number, Pick<FeedJob, 'blocks' | 'passed'>>();
  #given = 0;

  constructor(options: FetchPhaseOptions) {
    this.#options = options;
  }

  async next(): Promise<Job | undefined> {
    const { value, done } = await this.#options.jobs.next();
    if (done === true || value === undefined) return undefined;
    const { order, ...job } = value;
    this.#jobs.set(this.#given++, job);
    return order;
  }

  async answered(answer: JobAnswer): Promise<void> {
    const job = this.#jobs.get(answer.job);
    this.#jobs.delete(answer.job);
    if (answer.kind === 'fetched' && answer.findings.length > 0) await this.#options.onFindings(answer.findings);
    if (job !== undefined) this.#options.onDone(job);
  }
}
