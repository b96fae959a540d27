import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { NoRoomError } from '../../meta/no-room.ts';

/** Where marks go. */
export interface Marking {
  meta: MetaStore;
  logger: Logger;
}

/**
 * Marks `what` by `mark`. If the database is read-only or its disk is full, this only logs that: it
 * stops no restore and no scrub.
 * @returns the result of `mark`. Undefined: nothing was marked.
 */
export async function tryToMark<T>(
  { meta, logger }: Marking,
  what: string,
  mark: () => Promise<T>,
): Promise<{ marked: T } | undefined> {
  const reason = await meta.readOnlyReason();
  try {
    if (reason === undefined) return { marked: await mark() };
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    logger.warning(`${what} can't be marked: ${error.message}`);
    return undefined;
  }
  logger.warning(`${what} can't be marked: the database can't be written (${reason}).`);
  return undefined;
}

/** Marks a version invalid, if possible, and adds it to `affected`. */
export async function markVersionInvalid(marking: Marking, uid: string, affected: Set<string>): Promise<void> {
  const done = await tryToMark(marking, `Version ${uid}`, () => marking.meta.setVersionInvalid(uid));
  if (done === undefined) return;
  affected.add(uid);
  marking.logger.info(`Marked version invalid (UID ${uid})`);
}
