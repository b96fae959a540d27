import { BackyError } from '../../errors.ts';
import { RbdSession } from '../../io/rbd/rbd-session.ts';
import { sourceIn } from '../../io/rbd/share-rbd.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { findVersion } from '../versions/find-version.ts';
import { checkAge, newestOfSnapshot } from '../versions/snapshot-versions.ts';
import { backup } from './backup.ts';
import { snapshotOf } from './diff-source.ts';
import type { BackupRequest, BackupResult } from './request.ts';

/** A backup whose hints come from the cluster. */
type DiffRequest = BackupRequest & { diffFrom: string };

/**
 * Backs up what has changed since snapshot `diffFrom`. The cluster lists the changes. The base is a
 * version of that snapshot: the one that the request names, or the newest valid one.
 */
export async function backupSince(context: Context, request: DiffRequest): Promise<BackupResult> {
  const place = snapshotOf(request.source);
  const base = await baseFor(context.meta, request);
  const session = await RbdSession.open(context.io.rbd, context);
  return withShared(context, session, async (inner) => {
    const { differences, fromTimeMs } = await session.diff(place, request.diffFrom);
    checkAge(base, request.diffFrom, fromTimeMs);
    context.logger.info(`Differential backup, from snapshot ${request.diffFrom} and version ${base.uid}.`);
    const snapshotName = request.snapshotName ?? place.snapshot;
    const from = { ...request, hints: differences, baseUid: base.uid, snapshotName };
    return backup(inner, from, () => sourceIn(session, place, context.io.rbd));
  });
}

/** Finds the version of the earlier snapshot. */
async function baseFor(meta: MetaStore, { baseUid, name, diffFrom }: DiffRequest): Promise<TaggedVersion> {
  if (baseUid !== undefined) {
    const base = await findVersion(meta, baseUid);
    if (base.snapshotName === diffFrom) return base;
    const made = base.snapshotName === '' ? 'has no snapshot name' : `was made of snapshot "${base.snapshotName}"`;
    throw new BackyError('refused', `Version ${baseUid} ${made}: changes since "${diffFrom}" do not fit it.`, {
      data: { uid: baseUid },
      hint: `Give --diff-from that snapshot, or another version with -f: backy2 ls -s ${diffFrom}`,
    });
  }
  const base = await newestOfSnapshot(meta, name, diffFrom);
  if (base !== undefined) return base;
  throw new BackyError('refused', `There is no valid version of "${name}" with snapshot "${diffFrom}".`, {
    hint: `Back up in full first, or name the base with -f. List versions and their snapshots: backy2 ls ${name}`,
  });
}
