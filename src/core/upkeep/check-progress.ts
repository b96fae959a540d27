import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { progressLog } from '../progress-log.ts';

/** Blocks of all of these versions. */
export function blocksOf(versions: readonly TaggedVersion[]): number {
  return versions.reduce((sum, { size }) => sum + size, 0);
}

/** Returns a function that gets rows that were checked, and logs how far the check is. */
export function checkProgress(context: Context, versions: readonly TaggedVersion[]): (rows: number) => void {
  const total = blocksOf(versions);
  const tell = progressLog(context, (done, all, percent) => `Checking: ${done} of ${all} blocks (${percent}%).`);
  let done = 0;
  return (rows) => {
    done += rows;
    tell(done, total);
  };
}
