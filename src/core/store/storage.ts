import type { DataBackend } from '../../data/data-backend.ts';
import { openDataBackend } from '../../data/open-backend.ts';
import type { RetryNotice } from '../../data/retrying-backend.ts';
import type { Logger } from '../../logger.ts';
import type { Context } from '../context.ts';

/** One line in so long: an overloaded server refuses hundreds of requests a second. */
const TELL_EVERY_MS = 10_000;

/** Opens the data backend for the main thread. */
export function openStorage({ data, logger }: Context): DataBackend {
  return openDataBackend(data, retryLog(logger));
}

/** Logs requests that are repeated: the first at once, then from time to time how many there were. */
export function retryLog(logger: Logger): (notice: RetryNotice) => void {
  let untold = 0;
  let lastTold = Number.NEGATIVE_INFINITY;
  return ({ reason, tries, waitMs }) => {
    untold++;
    logger.debug(`Try ${tries} failed, the next one is in ${(waitMs / 1000).toFixed(1)} s: ${reason}`);
    if (performance.now() - lastTold < TELL_EVERY_MS) return;
    const others = untold > 1 ? ` ${untold - 1} other requests failed since the last such line.` : '';
    logger.warning(`${reason} It is tried again.${others}`);
    lastTold = performance.now();
    untold = 0;
  };
}
