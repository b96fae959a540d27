import { BackyError } from '../../errors.ts';
import type { RbdSession } from '../../io/rbd/rbd-session.ts';
import { type RbdPlace, rbdSpec } from '../../io/rbd/rbd-url.ts';
import { CHECK_CLOCKS } from '../../model/clock.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { checkSameBlockSize } from '../blocks/block-size.ts';
import type { Context } from '../context.ts';
import { defaultPrefix, fromFuture, type OwnSnapshots, ownSnapshots } from './own-snapshots.ts';

/** The snapshot that a differential backup starts from, and the version that was made of it. */
export interface AutoBase {
  snapshot: string;
  version: TaggedVersion;
}

/** How an image will be backed up. */
export interface AutoPlan {
  /** Undefined for a full backup. */
  base: AutoBase | undefined;
  removeBefore: string[];
  removeAfter: string[];
}

/** The image to plan for. */
interface PlanRequest {
  place: RbdPlace;
  /** Of its versions. */
  name: string;
  /** How many own snapshots to keep. */
  keepSnapshots: number;
}

/** Decides what an image is backed up from, and which own snapshots go before and after that. */
export async function planAutoBackup(context: Context, session: RbdSession, request: PlanRequest): Promise<AutoPlan> {
  const { place, name, keepSnapshots } = request;
  const prefix = snapshotPrefix(context);
  const snapshots = await session.call('snapshots', place);
  warnOfFutureSnapshots(
    context,
    place,
    snapshots.map((snapshot) => snapshot.name),
  );
  const own = await ownSnapshots(context.meta, snapshots, { prefix, name });
  const newest = own.known.at(-1);
  const isBase = newest !== undefined && (await hasSameBlockSize(context, place, newest.version));
  return {
    base: isBase ? { snapshot: newest.name, version: newest.version } : undefined,
    ...removals(own, keepSnapshots),
  };
}

/** Start of the names of own snapshots. */
export function snapshotPrefix({ io }: Context): string {
  return io.rbd.snapshotPrefix ?? defaultPrefix();
}

function warnOfFutureSnapshots(context: Context, place: RbdPlace, names: readonly string[]): void {
  const [first, ...more] = fromFuture(names, snapshotPrefix(context), context.now());
  if (first === undefined) return;
  const which = more.length === 0 ? `Snapshot ${first} is` : `${more.length + 1} snapshots (${first}, …) are`;
  context.logger.warning(`${rbdSpec(place)}: ${which} dated in the future. ${CHECK_CLOCKS}`);
}

/**
 * The newest snapshot stays until there is a valid version, even if it has none itself. A scrub may
 * still make its version valid.
 */
function removals({ known, loose }: OwnSnapshots, keepSnapshots: number): Pick<AutoPlan, 'removeBefore' | 'removeAfter'> {
  const old = known.slice(0, Math.max(0, known.length + 1 - keepSnapshots)).map(({ name }) => name);
  if (known.length > 0 || loose.length === 0) return { removeBefore: loose, removeAfter: old };
  return { removeBefore: loose.slice(0, -1), removeAfter: loose.slice(-1) };
}

/** A base with another block size would make every backup fail. Then a full backup is made. */
async function hasSameBlockSize({ meta, settings, logger }: Context, place: RbdPlace, base: TaggedVersion): Promise<boolean> {
  try {
    await checkSameBlockSize(meta, base, settings.blockSize);
    return true;
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'refused')) throw error;
    logger.info(`${rbdSpec(place)}: Version ${base.uid} is no base: ${error.message}`);
    return false;
  }
}
