import type { FromWorker, ToWorker } from '../shared/messages.ts';

/** A block worker of a pool, as the pool sees it. */
export interface PoolMember {
  /** Jobs that it has not answered. */
  readonly jobs: Set<number>;
  /** Source, target and backend are open. Set by the pool. */
  isReady: boolean;
  readonly isGone: boolean;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  /** Sends a message; nothing happens when it is gone. */
  post(message: ToWorker): void;
  /** Ends it without waiting for its jobs. Rejects or hangs where that is impossible. */
  terminate(): Promise<unknown>;
  /** Lets the process end without it. */
  unref(): void;
}

/** Events of a member, for its pool. */
export interface MemberEvents {
  onMessage(message: FromWorker): void;
  /** It failed outside of any job. */
  onError(error: unknown): void;
  /** It is gone, and answers nothing any more. */
  onExit(code: number): void;
}

/** The member with the fewest jobs; undefined when each has `mostJobs`. */
export function mostIdle(members: readonly PoolMember[], mostJobs: number): PoolMember | undefined {
  let best: PoolMember | undefined;
  for (const member of members) {
    if (member.isGone || member.jobs.size >= mostJobs) continue;
    if (best === undefined || member.jobs.size < best.jobs.size) best = member;
  }
  return best;
}
