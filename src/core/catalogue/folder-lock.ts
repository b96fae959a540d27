import { setTimeout as sleep } from 'node:timers/promises';
import { LOCK_NAMES, type Lock } from '../../locking/lock.ts';
import type { Context } from '../context.ts';
import { describeHolders, holding } from '../versions/locks.ts';

const RETRY_MS = 50;
/** Writing the first manifest of a large image may take this long. */
const QUIET_MS = 30_000;

/**
 * Runs `body` while nobody else writes or collects a folder of the catalogue: a leaf that a new
 * manifest names must not be deleted before the manifest is there. Waits for other holders.
 */
export function withFolder<T>(
  context: Pick<Context, 'locks' | 'logger' | 'signal'>,
  folder: string,
  body: () => Promise<T>,
): Promise<T> {
  return holding([() => waitForFolder(context, folder)], body);
}

async function waitForFolder(
  { locks, logger, signal }: Pick<Context, 'locks' | 'logger' | 'signal'>,
  folder: string,
): Promise<Lock> {
  const name = `${LOCK_NAMES.catalogue}-${folder}`;
  let warnAt = performance.now() + QUIET_MS;
  for (;;) {
    const lock = await locks.tryAcquire(name, 'exclusive');
    if (lock !== undefined) return lock;
    signal.throwIfAborted();
    await sleep(RETRY_MS);
    if (performance.now() < warnAt) continue;
    warnAt = Number.POSITIVE_INFINITY;
    logger.warning(`Waiting for the catalogue of this image: ${await describeHolders(locks, name)}`);
  }
}
