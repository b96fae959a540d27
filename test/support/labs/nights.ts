import { Backy } from '../../../src/core/backy.ts';
import type { Context } from '../../../src/core/context.ts';
import type { Hint } from '../../../src/core/plan/hints.ts';
import { noise } from '../images/random.ts';
import { BLOCK_SIZE, type CoreLab } from './core-lab.ts';

/** Images with their nights. */
export interface NightsOptions {
  images: number;
  nights: number;
  /** Blocks of an image. */
  blocks: number;
}

const DAY_MS = 86_400_000;

/** Schedulers that fit {@link backUpNights}. */
export const DAILY = [{ name: 'daily', intervalSeconds: 86_400, keep: 3, slaSeconds: 3_600 }];

/**
 * Backs images up night by night, as a user would: every second night with hints, with tags, expire
 * dates and protection, and removes versions in between. The clock of the lab goes on.
 */
export async function backUpNights(lab: CoreLab, context: Context, options: NightsOptions): Promise<void> {
  const backy = new Backy(context);
  for (let image = 0; image < options.images; image++) {
    const name = `vm-${image}`;
    let bytes = Buffer.from(noise(options.blocks * BLOCK_SIZE, name));
    // A hole, and blocks that repeat.
    bytes.fill(0, BLOCK_SIZE, 3 * BLOCK_SIZE);
    bytes.copyWithin(4 * BLOCK_SIZE, 5 * BLOCK_SIZE, 6 * BLOCK_SIZE);
    let base: string | undefined;
    for (let night = 0; night < options.nights; night++) {
      lab.now = new Date(lab.now.getTime() + DAY_MS);
      bytes = Buffer.from(bytes);
      const block = (night * 7) % options.blocks;
      noise(BLOCK_SIZE, `${name}-${night}`).copy(bytes, block * BLOCK_SIZE);
      const hints: Hint[] = [{ offset: block * BLOCK_SIZE, length: BLOCK_SIZE, exists: true }];
      const hinted = night % 2 === 1 && base !== undefined ? { hints, baseUid: base } : {};
      const expire = new Date(lab.now.getTime() + 30 * DAY_MS);
      const source = lab.source(bytes, name);
      const { uid } = await backy.backup({ source, name, tags: ['daily', `night-${night}`], expire, ...hinted });
      if (night === 3) await backy.setProtected(uid, true);
      if (night === 2) await backy.removeTags(uid, ['night-2']);
      if (night === 3) await backy.setExpire(uid, null);
      if (night % 3 === 2 && base !== undefined) await backy.remove(base, true);
      base = uid;
    }
  }
  await backy.flushCatalogue();
}
