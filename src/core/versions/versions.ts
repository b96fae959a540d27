import { BackyError } from '../../errors.ts';
import { warnOfFuture } from '../../model/clock.ts';
import type { TaggedVersion, VersionFilter } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { findVersion } from './find-version.ts';
import { checkInstallationFree } from './locks.ts';
import { withVersion } from './with-version.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Which versions to list. */
export interface ListRequest {
  name?: string | undefined;
  snapshotName?: string | undefined;
  tag?: string | undefined;
  /** Only those whose expire date has passed. */
  expired?: boolean | undefined;
}

/** Versions, sorted by name, then date. */
export async function listVersions({ meta, locks, now }: Context, { expired, ...filter }: ListRequest): Promise<TaggedVersion[]> {
  await checkInstallationFree(locks);
  const full: VersionFilter = expired === true ? { ...filter, expiredAt: now() } : filter;
  return meta.listVersions(full);
}

/** What a removal took away. */
export interface RemovalResult {
  uid: string;
  name: string;
  blocks: number;
}

/** Removes a version. Its blobs stay until a cleanup. Protected ones never go, young ones only with `force`. */
export async function removeVersion(context: Context, uid: string, force: boolean): Promise<RemovalResult> {
  const { meta, logger, signal } = context;
  signal.throwIfAborted();
  return withVersion(context, uid, 'exclusive', async (version) => {
    if (version.protected) {
      throw new BackyError('refused', `Version ${uid} is protected. Will not delete.`, {
        hint: `Lift it first with: backy2 unprotect ${uid}`,
      });
    }
    if (!force) refuseYoung(context, version);
    const blocks = await meta.removeVersion(uid, (rows) => {
      // Stopped half way it is invalid and incomplete; another rm ends it.
      signal.throwIfAborted();
      logger.debug(`Removed ${rows} of ${version.size} blocks of ${uid}.`);
    });
    logger.info(`Removed backup version ${uid} with ${blocks} blocks.`);
    return { uid, name: version.name, blocks };
  });
}

function refuseYoung(context: Context, version: TaggedVersion): void {
  const { settings, now } = context;
  const days = settings.disallowRmWhenYoungerThanDays;
  // A date in the future counts as now.
  const ageMs = Math.max(0, now().getTime() - version.date.getTime());
  if (ageMs >= days * DAY_MS) return;
  warnOfFuture(context, [version]);
  throw new BackyError('refused', `Version ${version.uid} is too young. Will not delete.`, {
    hint: `Versions are kept for ${days} days (disallow_rm_when_younger_than_days); rm -f removes it all the same.`,
  });
}

/** Protects a version from removal, or lifts that; an error when it is so already. */
export async function setProtected({ meta, locks }: Context, uid: string, value: boolean): Promise<void> {
  await checkInstallationFree(locks);
  const version = await findVersion(meta, uid);
  if (version.protected === value)
    throw new BackyError('refused', `Version ${uid} is ${value ? 'already' : 'not'} protected.`, {
      hint: 'Nothing was changed.',
    });
  await meta.setProtected(uid, value);
}

/** What a change of tags did. */
export interface TagChange {
  uid: string;
  /** Those that were added, or removed: less those that the version had, or lacked, already. */
  changed: string[];
  /** All that it has now. */
  tags: string[];
}

/** Adds tags to a version; those that it has are fine. */
export async function addTags({ meta, locks }: Context, uid: string, tags: readonly string[]): Promise<TagChange> {
  await checkInstallationFree(locks);
  const before = await findVersion(meta, uid);
  await meta.addTags(uid, tags);
  const { tags: after } = await findVersion(meta, uid);
  return { uid, changed: tags.filter((tag) => !before.tags.includes(tag)), tags: after };
}

/** Removes tags from a version; those that it lacks are fine. */
export async function removeTags({ meta, locks }: Context, uid: string, tags: readonly string[]): Promise<TagChange> {
  await checkInstallationFree(locks);
  const before = await findVersion(meta, uid);
  await meta.removeTags(uid, tags);
  const { tags: after } = await findVersion(meta, uid);
  return { uid, changed: tags.filter((tag) => before.tags.includes(tag)), tags: after };
}

/** Sets or (null) clears a version's expire date. */
export async function setExpire({ meta, locks }: Context, uid: string, expire: Date | null): Promise<void> {
  await checkInstallationFree(locks);
  await findVersion(meta, uid);
  await meta.setExpire(uid, expire);
}
