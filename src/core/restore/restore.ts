import { BackyError } from '../../errors.ts';
import { shareTarget } from '../../io/open-io.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { refuseInstallationTarget } from '../files/installation-files.ts';
import { withVersion } from '../versions/with-version.ts';
import { prepareReading } from './prepare-reading.ts';
import type { RestoreRequest, RestoreResult } from './request.ts';
import { RestoreRun } from './restore-run.ts';

/**
 * Restores a version to a target (docs/spec/semantics.md §3). Bad blocks are reported, and do not
 * stop it.
 */
export function restore(context: Context, request: RestoreRequest): Promise<RestoreResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    checkFirstBlock(request.fromId, version);
    await refuseInstallationTarget(request.target, context);
    const { geometry, guard } = await prepareReading(context, version, request);
    const { sizeBytes } = version;
    const { force, discard } = request;
    const { fileMode } = context.settings;
    const needs = {
      sizeBytes,
      force,
      discard,
      fileMode,
      keeps: request.fromId > 0 ? ('-c' as const) : undefined,
      options: context.io,
    };
    const target = await shareTarget(request.target, needs, context);
    return withShared(context, target, (inner) => new RestoreRun(inner, { request, version, geometry, target, guard }).perform());
  });
}

/** With a higher id, the restore that stopped was of another version. */
function checkFirstBlock(fromId: number, { uid, size }: TaggedVersion): void {
  if (fromId <= size) return;
  throw new BackyError('usage', `restore: -c ${fromId} is more than the ${size} blocks of version ${uid}.`, {
    data: { uid },
    hint: `Give "Last ID" of the restore of this version that stopped, or leave -c out.`,
  });
}
