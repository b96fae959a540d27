import { BackyError } from '../errors.ts';
import type { IoHost } from './shared.ts';

/**
 * Options of `restore` that keep data of the target: the first blocks of a restore that stopped, or
 * all blocks that are right.
 */
export type Keeping = '-c' | '--delta';

/** Requirements on a target. */
export interface TargetNeeds {
  sizeBytes: number;
  /** An existing one may be overwritten. */
  force: boolean;
  /** Free the space of an existing one first. MUST NOT come with `keeps`. */
  discard: boolean;
  /** Mode of a new file. */
  fileMode: number;
  /** The option that needs data of the target: a new or empty one is refused. */
  keeps: Keeping | undefined;
}

/** Says that `discard` had no effect. All is restored nonetheless. */
export function warnNotDiscarded(url: string, { logger }: Pick<IoHost, 'logger'>): void {
  logger.warning(`${url} can't be discarded: the restore writes over it, and its space stays allocated.`);
}

/** The error for a target without data to keep. */
export function nothingToKeep(url: string, keeping: Keeping): BackyError {
  return new BackyError('targetRefused', `Target ${url} is new or empty: ${WHY_NOT[keeping]}.`, {
    hint: `Restore without ${keeping}.`,
  });
}

const WHY_NOT: Record<Keeping, string> = {
  '-c': 'the blocks that -c skips would be missing from it',
  '--delta': 'there is nothing to compare the version with',
};
