import { BackyError } from '../../errors.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { findVersion } from './find-version.ts';
import { checkInstallationFree } from './locks.ts';
import { warnOfUnusualWords } from './unusual-words.ts';

/** Outcome of a change of tags. */
export interface TagChange {
  uid: string;
  /** Tags that were added or removed. */
  changed: string[];
  /** All tags of the version after the change. */
  tags: string[];
}

/**
 * Protects a version from removal, or ends that. Throws a BackyError `refused` if nothing would
 * change.
 */
export async function setProtected(context: Context, uid: string, value: boolean): Promise<void> {
  const version = await findFree(context, uid);
  if (version.protected === value)
    throw new BackyError('refused', `Version ${uid} is ${value ? 'already' : 'not'} protected.`, {
      hint: 'Nothing was changed.',
    });
  await context.meta.setProtected(uid, value);
}

/** Adds tags to a version. Tags that it has already are ignored. */
export async function addTags(context: Context, uid: string, tags: readonly string[]): Promise<TagChange> {
  const { meta } = context;
  const before = await findFree(context, uid);
  warnOfUnusualWords(context, { tags });
  await meta.addTags(uid, tags);
  const { tags: after } = await findVersion(meta, uid);
  return { uid, changed: tags.filter((tag) => !before.tags.includes(tag)), tags: after };
}

/** Removes tags from a version. Tags that it does not have are ignored. */
export async function removeTags(context: Context, uid: string, tags: readonly string[]): Promise<TagChange> {
  const { meta } = context;
  const before = await findFree(context, uid);
  await meta.removeTags(uid, tags);
  const { tags: after } = await findVersion(meta, uid);
  return { uid, changed: tags.filter((tag) => before.tags.includes(tag)), tags: after };
}

/** Sets the expire date of a version; null clears it. */
export async function setExpire(context: Context, uid: string, expire: Date | null): Promise<void> {
  await findFree(context, uid);
  warnOfUnusualWords(context, { expire });
  await context.meta.setExpire(uid, expire);
}

/** Finds a version while nobody has the installation exclusively. */
async function findFree({ meta, locks }: Context, uid: string): Promise<TaggedVersion> {
  await checkInstallationFree(locks);
  return findVersion(meta, uid);
}
