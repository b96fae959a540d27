import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../logger.ts';
import { isConflict, reasonOf } from './database-errors.ts';

/** A server that restarts is back by then; longer, somebody has to look. */
export const RETRY_LIMIT_MS = 120_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

/** How attempts are repeated. */
export interface Patience {
  label: string;
  logger: Logger;
  /** Cuts the pauses short. */
  signal: AbortSignal | undefined;
  /** Whether the users were told that the server is lost: once for all that wait for it. */
  news: { isLost: boolean };
  /** Whether a failure is worth another attempt. */
  mayPass(error: unknown): boolean;
}

/**
 * Repeats `attempt` while it fails for a reason that may pass: with growing pauses, for up to two minutes from the first failure on, and
 * saying so. Then, or for another reason, the failure is thrown.
 */
export async function patiently<T>(attempt: () => Promise<T>, { label, logger, signal, news, mayPass }: Patience): Promise<T> {
  let failedAt: number | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      const result = await attempt();
      if (news.isLost) logger.info(`The database ${label} is there again.`);
      news.isLost = false;
      return result;
    } catch (error) {
      if (signal?.aborted || !mayPass(error)) throw error;
      const now = performance.now();
      failedAt ??= now;
      if (now - failedAt > RETRY_LIMIT_MS) throw error;
      // Transactions that got into each other's way are nothing to tell of.
      if (!news.isLost && !isConflict(error)) {
        logger.warning(
          `The connection to the database ${label} was lost: ${reasonOf(error).replace(/\.$/, '')}. Trying again for up to ${RETRY_LIMIT_MS / 1000} seconds.`,
        );
        news.isLost = true;
      }
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    }
  }
}
