import type { Healing } from '../../model/blob.ts';
import type { Context } from '../context.ts';
import { isMassDamage } from '../store/damage-guard.ts';
import { markMissing, probeVersion } from '../store/probe-version.ts';

/** Sums up what was healed. */
export class HealingSum implements Healing {
  blocks = 0;
  readonly #versions = new Set<string>();

  get versions(): string[] {
    return [...this.#versions];
  }

  add({ blocks, versions }: Healing): void {
    this.blocks += blocks;
    for (const uid of versions) this.#versions.add(uid);
  }
}

/**
 * Makes healed versions valid if all their blocks are good again. Slow: looks for all their blobs.
 */
export async function validateHealed(context: Context, healing: Healing): Promise<string[]> {
  if (healing.blocks === 0) return [];
  context.logger.info(`Mended ${healing.blocks} bad blocks of ${healing.versions.length} versions.`);
  return validateProbed(context, healing.versions);
}

/**
 * Makes invalid versions valid if all their rows are there and good, and all their blobs are there.
 * The blobs have to be looked for: healing has seen only some. @returns versions that became valid.
 */
export async function validateProbed(context: Context, versionUids: readonly string[]): Promise<string[]> {
  const { meta, logger } = context;
  const whole: string[] = [];
  for (const uid of versionUids) {
    const version = await meta.findVersion(uid);
    if (version === undefined || version.valid || !(await hasAllBlobs(context, uid))) continue;
    whole.push(...(await meta.validateWhole([uid])));
  }
  for (const uid of whole) logger.info(`Marked version valid: ${uid}. All its blocks are good again.`);
  return whole;
}

async function hasAllBlobs(context: Context, versionUid: string): Promise<boolean> {
  const { probed, missing } = await probeVersion(context, versionUid);
  if (missing.length === 0) return true;
  context.logger.warning(`Version ${versionUid} stays invalid: ${missing.length} of its ${probed} blobs are missing.`);
  if (!isMassDamage({ probed, missing: missing.length })) await markMissing(context, missing);
  return false;
}
