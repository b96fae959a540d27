import type { Context } from './context.ts';

/** Pause between two lines. */
const PAUSE_MS = 5_000;

/**
 * Returns a function that logs how far a long piece of work is, every few seconds, and throws once
 * the user has stopped the program. `describe` gets the percentage too, rounded down.
 */
export function progressLog(
  { logger, signal }: Pick<Context, 'logger' | 'signal'>,
  describe: (done: number, total: number, percent: number) => string,
): (done: number, total: number) => void {
  let next = performance.now() + PAUSE_MS;
  return (done, total) => {
    signal.throwIfAborted();
    const now = performance.now();
    if (now < next) return;
    next = now + PAUSE_MS;
    logger.info(describe(done, total, Math.floor((done / Math.max(1, total)) * 100)));
  };
}
