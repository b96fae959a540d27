import type { DataBackend } from '../../data/data-backend.ts';
import { openDataBackend } from '../../data/open-backend.ts';
import type { RetryNotice } from '../../data/retrier.ts';
import type { Logger } from '../../logger.ts';
import type { Context } from '../context.ts';

/** Time between two warnings: an overloaded server refuses hundreds of requests a second. */
const WARN_EVERY_MS = 10_000;

type StorageContext = Pick<Context, 'data' | 'logger'>;

/** Runs `body` on the main thread with the data backend, and closes it. */
export async function withStorage<T>({ data, logger }: StorageContext, body: (backend: DataBackend) => Promise<T>): Promise<T> {
  const backend = openDataBackend(data, retryLog(logger));
  try {
    return await body(backend);
  } finally {
    await backend.close();
  }
}

/** Logs failed requests that are retried: the first one at once, then how many there were since. */
export function retryLog(logger: Logger): (notice: RetryNotice) => void {
  let unreported = 0;
  let warnedAt = Number.NEGATIVE_INFINITY;
  return ({ reason, tries, waitMs }) => {
    unreported++;
    logger.debug(`Try ${tries} failed, the next one is in ${(waitMs / 1000).toFixed(1)} s: ${reason}`);
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    const others = unreported > 1 ? ` ${unreported - 1} other requests failed since the last such line.` : '';
    logger.warning(`${reason} It is tried again.${others}`);
    warnedAt = performance.now();
    unreported = 0;
  };
}
