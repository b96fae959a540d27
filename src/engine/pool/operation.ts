import type { FromWorker, Job } from '../shared/messages.ts';

/** An answer that concerns a job. */
export type JobAnswer = Extract<
  FromWorker,
  { kind: 'digested' | 'stored' | 'fetched' | 'compared' | 'recoded' | 'viewed' | 'zeroed' }
>;

/** Gives a pool its jobs and takes the answers. Jobs are numbered in the order of `next`. */
export interface Operation {
  /**
   * The next job; undefined when there is none for now. Asked again when a job ends, and after
   * `WorkerPool.offer`.
   */
  next(): Job | undefined | Promise<Job | undefined>;
  /**
   * An answer of a worker. `digested` MUST lead to `WorkerPool.decide`. A rejection ends the
   * operation.
   */
  answered(answer: JobAnswer): void | Promise<void>;
}
