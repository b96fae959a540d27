import { v1 as uuid1 } from 'uuid';
import { BackyError } from '../../errors.ts';
import type { Lock } from '../../locking/lock.ts';
import { warnOfFuture } from '../../model/clock.ts';
import { blockCount, type Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { checkSameBlockSize } from '../blocks/block-size.ts';
import type { Context } from '../context.ts';
import { autoTags } from '../versions/auto-tags.ts';
import { findVersion } from '../versions/find-version.ts';
import { lockVersion } from '../versions/locks.ts';
import { warnOfUnusualWords } from '../versions/unusual-words.ts';
import { lockFoundVersion } from '../versions/with-version.ts';
import type { BackupRequest } from './request.ts';

/** Finds the base, and locks it against removal until the backup ends. */
export async function useBase(context: Context, uid: string, locks: Lock[]): Promise<TaggedVersion> {
  const { version: base, lock } = await lockFoundVersion(context, uid, 'shared');
  locks.push(lock);
  await checkSameBlockSize(context.meta, base, context.settings.blockSize);
  if (base.valid) return base;
  throw new BackyError('refused', 'You cannot base on an invalid version.', {
    data: { uid },
    hint: `Scrub ${uid} first (backy2 scrub ${uid}), or take another version with -f.`,
  });
}

/** A version to make. */
interface NewBackup {
  request: BackupRequest;
  geometry: Geometry;
  /** Locks that are held as long as the backup runs. The version's is added. */
  locks: Lock[];
}

/** A version to continue. */
interface Continuation extends NewBackup {
  uid: string;
  /** Compares the source with the version; called before anything is changed. */
  checkSource(version: TaggedVersion): Promise<void>;
}

/** Creates the version, invalid and locked. */
export async function createVersion(context: Context, { request, geometry, locks: held }: NewBackup): Promise<TaggedVersion> {
  const { meta, locks } = context;
  warnOfUnusualWords(context, request);
  const uid = uuid1();
  held.push(await lockVersion(locks, uid, 'exclusive'));
  const tags = request.tags ?? (await tagsNow(context, request.name));
  await meta.createVersion({
    uid,
    name: request.name,
    snapshotName: request.snapshotName ?? '',
    size: blockCount(geometry),
    sizeBytes: geometry.sizeBytes,
    expire: request.expire ?? null,
    tags,
  });
  return { ...(await findVersion(meta, uid)), tags: [...tags] };
}

/**
 * Automatic tags of a new version. The tags of an aborted one do not count: a good version must get
 * them again, for scripts that expire by tags.
 */
async function tagsNow(context: Context, name: string): Promise<string[]> {
  const versions = await context.meta.listVersions({ name });
  warnOfFuture(context, versions);
  const counted = versions.filter(({ valid }) => valid);
  const wanted = autoTags(counted, context.now());
  for (const version of versions) {
    const matters = !version.valid && version.tags.some((tag) => wanted.includes(tag));
    if (matters && (await context.locks.isHeld(version.uid))) counted.push(version);
  }
  return autoTags(counted, context.now());
}

/**
 * Locks the version that an earlier run did not finish, and drops the rows that this run replaces.
 * A refusal leaves the version exactly as it was.
 */
export async function continueVersion(
  context: Context,
  { request, geometry, locks, uid, checkSource }: Continuation,
): Promise<TaggedVersion> {
  const { meta, logger } = context;
  const { version, lock } = await lockFoundVersion(context, uid, 'exclusive');
  locks.push(lock);
  if (version.valid)
    throw new BackyError('refused', 'You cannot continue a valid version.', {
      data: { uid },
      hint: `Version ${uid} is complete. Start a new backup without -c.`,
    });
  if (version.sizeBytes !== geometry.sizeBytes) {
    throw new BackyError(
      'refused',
      `Version to continue backup from has a different size than the source (${version.sizeBytes} and ${geometry.sizeBytes} bytes). Cannot continue.`,
      { data: { uid }, hint: `Give the source that ${uid} was begun with, or start a new backup without -c.` },
    );
  }
  await checkSameBlockSize(meta, version, geometry.blockSize);
  await checkSource(version);
  for (const [what, stored, given] of [
    ['name', version.name, request.name],
    ['snapshot name', version.snapshotName, request.snapshotName ?? version.snapshotName],
  ]) {
    if (stored !== given) logger.warning(`Version ${uid} keeps its ${what} "${stored}"; "${given}" is not used.`);
  }
  warnOfUnusualWords(context, { tags: request.tags, expire: request.expire });
  if (request.tags !== undefined) await meta.addTags(uid, request.tags);
  if (request.expire !== undefined) await meta.setExpire(uid, request.expire);
  await meta.discardBadBlocks(uid, geometry);
  return findVersion(meta, uid);
}
