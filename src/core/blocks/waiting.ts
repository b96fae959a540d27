import type { Logger } from '../../logger.ts';

/** What is logged while nothing moves: storage that recovers is waited for, and whoever looks is to know what for. */
export function tellWaiting(logger: Logger, ...places: readonly string[]): (seconds: number) => void {
  return (seconds) => logger.warning(`No block has moved for ${seconds} s: waiting for ${places.join(' or ')}.`);
}
