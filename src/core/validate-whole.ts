import type { Healing } from '../meta/types.ts';
import type { Context } from './context.ts';

/** What healing did so far. */
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

/** Makes versions valid that are whole again after healing. Not while blocks are moved: to look through all their rows takes a while. */
export async function validateHealed({ meta, logger }: Pick<Context, 'meta' | 'logger'>, healing: Healing): Promise<string[]> {
  if (healing.blocks === 0) return [];
  logger.info(`Mended ${healing.blocks} bad blocks of ${healing.versions.length} versions.`);
  const whole = await meta.validateWhole(healing.versions);
  for (const uid of whole) logger.info(`Marked version valid: ${uid}. All its blocks are good again.`);
  return whole;
}
