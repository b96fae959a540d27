import type { Worker } from 'node:worker_threads';
import type { ToWorker } from '../shared/messages.ts';
import type { Outbox } from '../shared/outbox.ts';

/** A thread of a pool, as the pool sees it. */
export interface Member {
  worker: Worker;
  outbox: Outbox<ToWorker>;
  jobs: Set<number>;
  isReady: boolean;
  gone: Promise<void>;
  isGone: boolean;
}

/** The member with the fewest jobs; undefined when each has `mostJobs`. */
export function mostIdle(members: readonly Member[], mostJobs: number): Member | undefined {
  let best: Member | undefined;
  for (const member of members) {
    if (member.isGone || member.jobs.size >= mostJobs) continue;
    if (best === undefined || member.jobs.size < best.jobs.size) best = member;
  }
  return best;
}
