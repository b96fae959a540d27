import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { proveKeyForReading } from '../blocks/encryption-key.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { DamageGuard } from '../store/damage-guard.ts';
import type { RestoreRequest } from './request.ts';

/** The size of a version's blocks, and the guard for its blobs. */
interface Readable {
  geometry: Geometry;
  guard: DamageGuard;
}

/**
 * Prepares to read all blocks of a version that is locked. Warns if it is invalid. Throws a
 * BackyError if the key or the store is the wrong one; the store does not matter to one who reads
 * no blobs.
 */
export async function prepareReading(
  context: Context,
  version: TaggedVersion,
  request: Pick<RestoreRequest, 'acceptDamage'>,
  { readsBlobs = true } = {},
): Promise<Readable> {
  const { meta, settings, logger } = context;
  if (!version.valid) logger.warning(`Version ${version.uid} is invalid: some of its blocks are known to be bad or missing.`);
  const blockSize = await blockSizeOf(meta, version, settings.blockSize);
  await proveKeyForReading(context, version);
  if (readsBlobs) await checkStore(context, request);
  const guard = new DamageGuard(context, {
    versionUid: version.uid,
    onMassDamage: 'goOn',
    acceptDamage: request.acceptDamage,
  });
  if (readsBlobs) await guard.lookAhead();
  return { geometry: { blockSize, sizeBytes: version.sizeBytes }, guard };
}
