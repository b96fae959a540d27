import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { DamageGuard } from './damage-guard.ts';
import { markMissing, probeVersion } from './probe-version.ts';
import { withStorage } from './storage.ts';

/** A version that is about to become valid. */
interface ReusedBlobs {
  versionUid: string;
  /** Blocks whose blobs were there before: found by dedup, or taken over from a base. */
  blocksReused: number;
  /** An earlier run began the version: any of its blobs may be missing by now. */
  isContinued: boolean;
  acceptDamage: boolean | undefined;
}

/**
 * Checks that blobs which a backup did not write itself are there, while their blocks can still be
 * read from the source. Looks for a sample, and for all of them if one is missing. Missing ones are
 * marked, so that their blocks are read again.
 * @throws BackyError `massDamage`.
 */
export async function verifyReusedBlobs(context: Context, reused: ReusedBlobs): Promise<void> {
  const { versionUid, acceptDamage } = reused;
  const guard = new DamageGuard(context, { versionUid, onMassDamage: 'stop', acceptDamage });
  if (!(await isSuspect(context, guard, reused))) return confirm(context);
  const { probed, missing } = await probeVersion(context, versionUid);
  if (missing.length === 0) return confirm(context);
  await guard.conclude({ probed, missing: missing.length });
  await markMissing(context, missing);
  context.logger.warning(
    `${missing.length} blobs that version ${versionUid} was to share are missing. Their blocks are read again.`,
  );
}

/**
 * Whether to look for all blobs: if a sample lacks one, or for a continued version where that needs
 * no requests.
 */
async function isSuspect({ data }: Context, guard: DamageGuard, { blocksReused, isContinued }: ReusedBlobs): Promise<boolean> {
  if (isContinued && data.backend.type === 'file') return true;
  return (blocksReused > 0 || isContinued) && (await guard.lookAhead()).length > 0;
}

function confirm(context: Context): Promise<void> {
  return withStorage(context, (backend) => confirmStore(context, backend));
}
