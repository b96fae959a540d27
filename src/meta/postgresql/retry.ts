import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../logger.ts';
import { isConflict, reasonOf } from './database-errors.ts';

/** Long enough for a server to restart. */
const RETRY_LIMIT_MS = 120_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

/** How attempts are repeated. */
interface RetryOptions {
  label: string;
  logger: Logger;
  /** Ends the pauses early. */
  signal: AbortSignal | undefined;
  /** Whether the loss of the server was logged: once for all that wait for it. */
  notice: { isLost: boolean };
  /** Whether a failure is worth another attempt. */
  isWorthRetry(error: unknown): boolean;
}

/**
 * Retries an attempt with growing pauses, for up to two minutes from the first failure on, and logs
 * the loss of the server once. Throws the failure then, or when it is not worth a retry.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { label, logger, signal, notice, isWorthRetry }: RetryOptions,
): Promise<T> {
  let failedAt: number | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      const result = await attempt();
      if (notice.isLost) logger.info(`The database ${label} is available again.`);
      notice.isLost = false;
      return result;
    } catch (error) {
      if (signal?.aborted || !isWorthRetry(error)) throw error;
      const now = performance.now();
      failedAt ??= now;
      if (now - failedAt > RETRY_LIMIT_MS) throw error;
      // Conflicts between transactions are not worth a message.
      if (!notice.isLost && !isConflict(error)) {
        logger.warning(
          `The connection to the database ${label} was lost: ${reasonOf(error).replace(/\.$/, '')}. Trying again for up to ${RETRY_LIMIT_MS / 1000} seconds.`,
        );
        notice.isLost = true;
      }
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    }
  }
}
