import type { Context } from '../context.ts';
import { confirmStore } from './check-store.ts';
import { DamageGuard } from './damage-guard.ts';
import { markMissing, probeVersion } from './probe-version.ts';
import { openStorage } from './storage.ts';

/** A version that is about to be called valid. */
export interface KeptBlobs {
  versionUid: string;
  /** Blocks whose blobs were there before: found by dedup, or taken over from a base. */
  blocksKept: number;
  /** An earlier run has begun the version: any of its blobs may be gone by now. */
  isContinued: boolean;
  acceptDamage: boolean | undefined;
}

/**
 * Looks whether blobs that a backup did not write itself are there, since the source may change or go after it: a sample, and all of them
 * when one is missing. The missing ones are marked, so that their blocks are read again. Mass damage is a BackyError `massDamage`.
 */
export async function verifyKeptBlobs(context: Context, kept: KeptBlobs): Promise<void> {
  const { versionUid, acceptDamage } = kept;
  const guard = new DamageGuard(context, { versionUid, onMassDamage: 'stop', acceptDamage });
  if (!(await isSuspect(context, guard, kept))) return confirm(context);
  const { probed, missing } = await probeVersion(context, versionUid);
  if (missing.length === 0) return confirm(context);
  await guard.conclude({ probed, missing: missing.length });
  await markMissing(context, missing);
  context.logger.warning(
    `${missing.length} blobs that version ${versionUid} was to share are missing. Their blocks are read again.`,
  );
}

/** Whether all blobs are to be looked for: those of a continued version, unless each look is a request; else when a sample lacks one. */
async function isSuspect({ data }: Context, guard: DamageGuard, { blocksKept, isContinued }: KeptBlobs): Promise<boolean> {
  if (isContinued && data.backend.type === 'file') return true;
  return (blocksKept > 0 || isContinued) && (await guard.lookAhead()).length > 0;
}

async function confirm(context: Context): Promise<void> {
  const backend = openStorage(context);
  try {
    await confirmStore(context, backend);
  } finally {
    await backend.close();
  }
}
