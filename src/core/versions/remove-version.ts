import { setImmediate } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import type { NameMemory } from '../../meta/name-store.ts';
import { warnOfFuture } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { isTooYoung } from './removal-rule.ts';
import { withVersion } from './with-version.ts';

/** Outcome of a removal. */
export interface RemovalResult {
  uid: string;
  name: string;
  blocks: number;
}

/**
 * Removes a version. Its blobs stay until a cleanup. Throws a BackyError `refused` for a protected
 * version, and without `force` for a young one.
 */
export async function removeVersion(context: Context, uid: string, force: boolean): Promise<RemovalResult> {
  context.signal.throwIfAborted();
  const removed = await withVersion(context, uid, 'exclusive', (version) => {
    if (version.protected) {
      throw new BackyError('refused', `Version ${uid} is protected. Will not delete.`, {
        hint: `Lift it first with: backy2 unprotect ${uid}`,
      });
    }
    if (!force) refuseYoung(context, version);
    return removeLocked(context, version, 'forget');
  });
  await reportForgotten(context, removed.name);
  await wholeTurn();
  return removed;
}

/** Says that nobody will miss a name, since the last of its versions was removed by hand. */
async function reportForgotten({ meta, logger, settings }: Context, name: string): Promise<void> {
  if (settings.schedulers.some(({ names }) => names?.includes(name))) return;
  if ((await meta.listVersions({ name })).length > 0) return;
  logger.info(`It was the last version of ${name}: sla no longer expects backups of that name.`);
}

/**
 * Waits for a whole turn of the event loop, in which signals are heard: SQLite's calls leave none
 * between two removals. The first wait ends the turn that runs.
 */
export async function wholeTurn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

/**
 * Removes a version whose exclusive lock the caller holds. @param memory `forget`: with the
 * last version, `sla` forgets the name.
 */
export async function removeLocked(context: Context, version: TaggedVersion, memory: NameMemory): Promise<RemovalResult> {
  const { uid, name, size } = version;
  const { meta, logger, signal } = context;
  const blocks = await meta.removeVersion(
    uid,
    (rows) => {
      // If stopped here, the version is invalid and incomplete. Another rm removes the rest.
      signal.throwIfAborted();
      logger.debug(`Removed ${rows} of ${size} blocks of ${uid}.`);
    },
    memory,
  );
  logger.info(`Removed backup version ${uid} with ${blocks} blocks.`);
  return { uid, name, blocks };
}

function refuseYoung(context: Context, version: TaggedVersion): void {
  const { settings, now } = context;
  const days = settings.disallowRmWhenYoungerThanDays;
  if (!isTooYoung(version, { now: now(), youngerThanDays: days })) return;
  warnOfFuture(context, [version]);
  throw new BackyError('refused', `Version ${version.uid} is too young. Will not delete.`, {
    hint: `Versions are kept for ${days} days (disallow_rm_when_younger_than_days). To remove it anyway: backy2 rm -f ${version.uid}`,
  });
}
