import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';

/** A version, and the space that its removal alone would free. */
export interface FreedVersion {
  version: TaggedVersion;
  /** Bytes of blobs that no other version uses. */
  freedBytes: number;
  /** It is the newest valid version of its name: nothing removes it by itself. */
  isNewest: boolean;
}

/** Rows of {@link mostFreed}. */
const MOST_ROWS = 50;

/**
 * The versions whose removal would free most, largest first. Counts the uses of all blobs: about 3
 * µs for each block of a valid version. Needs no lock: a version that comes or goes meanwhile makes
 * it inexact.
 * @param versions sorted by date within each name.
 */
export async function mostFreed(
  { meta, signal, logger }: Pick<Context, 'meta' | 'signal' | 'logger'>,
  versions: readonly TaggedVersion[],
): Promise<FreedVersion[]> {
  const valid = versions.filter((version) => version.valid);
  const newest = new Map(valid.map(({ name, uid }) => [name, uid]));
  logger.debug(`Adding up the blocks of ${valid.length} versions.`);
  const usages = await meta.diskUsage(
    valid.map(({ uid }) => uid),
    () => signal.throwIfAborted(),
  );
  return valid
    .map((version, i) => ({ version, freedBytes: usages[i]?.freed ?? 0, isNewest: newest.get(version.name) === version.uid }))
    .filter(({ freedBytes }) => freedBytes > 0)
    .sort((a, b) => b.freedBytes - a.freedBytes)
    .slice(0, MOST_ROWS);
}
