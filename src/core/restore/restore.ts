import { BackyError } from '../../errors.ts';
import { shareTarget } from '../../io/open-io.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { RunPool } from '../blocks/with-pool.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { refuseInstallationTarget } from '../files/installation-files.ts';
import { withVersion } from '../versions/with-version.ts';
import { prepareReading } from './prepare-reading.ts';
import type { RestoreRequest, RestoreResult } from './request.ts';
import { type PreparedRestore, RestoreRun } from './restore-run.ts';

/**
 * Restores a version to a target (docs/spec/semantics.md §3). Bad blocks are reported, and do not
 * stop it. @param runPool tests hand in another.
 */
export function restore(context: Context, request: RestoreRequest, runPool?: RunPool): Promise<RestoreResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    checkFirstBlock(request.fromId, version);
    await refuseInstallationTarget(request.target, context);
    const { delta } = request;
    const { geometry, guard } = await prepareReading(context, version, request, { readsBlobs: delta?.dryRun !== true });
    const planned = { request, version, geometry, guard, runPool };
    if (delta?.from === undefined) return restoreToTarget(context, planned);
    const snapshot = delta.from;
    const { withKnownVersion } = await import('./known-target.ts');
    return withKnownVersion(context, { version, snapshot }, (known) => restoreToTarget(context, planned, { known, snapshot }));
  });
}

/** Opens the target, and asks what has changed since a snapshot of it, if any. */
async function restoreToTarget(
  context: Context,
  { runPool, ...planned }: Omit<PreparedRestore, 'target' | 'known'> & { runPool: RunPool | undefined },
  since?: { known: TaggedVersion; snapshot: string },
): Promise<RestoreResult> {
  const { request, geometry } = planned;
  const target = await shareTarget(request.target, needsOf(context, request, geometry), context);
  return withShared(context, target, async (inner) => {
    if (since === undefined) return new RestoreRun(inner, { ...planned, target }, runPool).perform();
    const { KnownTarget } = await import('./known-target.ts');
    const known = await KnownTarget.open(inner, { target, url: request.target, geometry, ...since });
    return new RestoreRun(inner, { ...planned, target, known }, runPool).perform();
  });
}

/** A dry run overwrites nothing, so that it needs no `force`. */
function needsOf({ settings, io }: Context, request: RestoreRequest, { sizeBytes }: Geometry) {
  const { delta, discard, fromId } = request;
  const keeps = delta !== undefined ? ('--delta' as const) : fromId > 0 ? ('-c' as const) : undefined;
  const force = request.force || delta?.dryRun === true;
  return { sizeBytes, force, discard, fileMode: settings.fileMode, keeps, options: io };
}

/** With a higher id, the restore that stopped was of another version. */
function checkFirstBlock(fromId: number, { uid, size }: TaggedVersion): void {
  if (fromId <= size) return;
  throw new BackyError('usage', `restore: -c ${fromId} is more than the ${size} blocks of version ${uid}.`, {
    data: { uid },
    hint: `Give "Last ID" of the restore of this version that stopped, or leave -c out.`,
  });
}
