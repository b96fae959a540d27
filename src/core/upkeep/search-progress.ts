import type { OnSearched } from '../../meta/cleanup-store.ts';
import type { Context } from '../context.ts';

/** Pause between two log lines. */
const PAUSE_MS = 10_000;

/** Logs how far a long search of the metadata is. A stop of the program ends it. */
export function searchProgress({ logger, signal }: Pick<Context, 'logger' | 'signal'>): OnSearched {
  let next = performance.now() + PAUSE_MS;
  return (done, total) => {
    signal.throwIfAborted();
    const now = performance.now();
    if (now < next) return;
    next = now + PAUSE_MS;
    logger.info(`Searched ${Math.floor((100 * done) / total)} % of the metadata for blobs in use.`);
  };
}
