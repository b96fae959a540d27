import { BackyError } from '../../errors.ts';
import { shareTarget } from '../../io/open-io.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForReading } from '../blocks/encryption-key.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { refuseInstallationTarget } from '../files/installation-files.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import { withVersion } from '../versions/with-version.ts';
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
    if (!version.valid)
      context.logger.warning(`Version ${version.uid} is invalid: some of its blocks are known to be bad or missing.`);
    const blockSize = await blockSizeOf(context.meta, version, context.settings.blockSize);
    await proveKeyForReading(context, version);
    await checkStore(context, request);
    const guard = new DamageGuard(context, { versionUid: version.uid, onMassDamage: 'goOn', acceptDamage: request.acceptDamage });
    await guard.lookAhead();
    const { sizeBytes } = version;
    const { force, discard } = request;
    const { fileMode } = context.settings;
    const needs = { sizeBytes, force, discard, fileMode, resumes: request.fromId > 0, options: context.io };
    const target = await shareTarget(request.target, needs, context);
    return withShared(context, target, (inner) =>
      new RestoreRun(inner, { request, version, geometry: { blockSize, sizeBytes }, target, guard }).perform(),
    );
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
