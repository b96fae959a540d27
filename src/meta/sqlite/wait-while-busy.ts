import { setTimeout as sleep } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { lockLost } from './database-errors.ts';
import { LostLockWatch } from './lost-lock.ts';

const PAUSE_MS = 3;
const MESSAGE_AFTER_MS = 3_000;
const MESSAGE_EVERY_MS = 30_000;
const LIMIT_MS = 30 * 60_000;

/**
 * Repeats a short attempt while another process has the database: for up to half an hour, with
 * messages, and without blocking the event loop. Ends earlier when no such process exists.
 * @param attempt returns undefined when the database is busy. It MUST NOT leave a transaction
 * behind when it throws.
 */
export async function waitWhileBusy<T>(
  attempt: () => { result: T } | undefined,
  { path, logger }: { path: string; logger: Logger },
): Promise<T> {
  const start = performance.now();
  const watch = new LostLockWatch(path);
  let nextMessage = MESSAGE_AFTER_MS;
  for (;;) {
    const outcome = attempt();
    if (outcome !== undefined) return outcome.result;
    const waited = performance.now() - start;
    if (waited > LIMIT_MS) {
      throw new BackyError('database', `Another process has been writing to ${path} for half an hour.`, {
        hint: `See who it is with: fuser -v ${path}`,
      });
    }
    if (watch.isLost(waited)) throw lockLost(path);
    if (waited > nextMessage) {
      logger.info(`Waiting for another process that writes to ${path} (${Math.round(waited / 1000)}s).`);
      nextMessage = waited + MESSAGE_EVERY_MS;
    }
    await sleep(PAUSE_MS);
  }
}
