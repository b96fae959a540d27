import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Lock } from '../../locking/lock.ts';
import type { ComparedRange } from '../../model/comparison.ts';
import type { Context } from '../context.ts';
import { findVersion } from '../versions/find-version.ts';
import { checkInstallationFree, lockVersion, releaseAll } from '../versions/locks.ts';

/** Blocks that are compared at a time: a tenth of a second at most. */
const PAGE_BLOCKS = 10_000;

/**
 * Compares two versions in the order of block ids, a page at a time. Reads metadata only: equal
 * bytes in two blobs count as different. Holds shared locks of both versions until the iteration
 * ends.
 */
export async function* diffMeta(
  { meta, locks, signal }: Context,
  leftUid: string,
  rightUid: string,
): AsyncIterableIterator<ComparedRange[]> {
  await checkInstallationFree(locks);
  const held: Lock[] = [];
  try {
    for (const uid of new Set([leftUid, rightUid])) {
      await findVersion(meta, uid);
      held.push(await lockVersion(locks, uid, 'shared'));
    }
    for (let after = -1; after < Infinity; ) {
      // SQLite answers without a wait. Signal handlers get a turn here.
      await nextTurn();
      signal.throwIfAborted();
      const { ranges, end } = await meta.compareVersions(leftUid, rightUid, after, PAGE_BLOCKS);
      yield ranges;
      after = end;
    }
  } finally {
    await releaseAll(held);
  }
}
