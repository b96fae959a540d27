import { BackyError } from '../errors.ts';
import type { IoHost } from './shared.ts';

/** Requirements on a target. */
export interface TargetNeeds {
  sizeBytes: number;
  /** An existing one may be overwritten. */
  force: boolean;
  /** Free the space of an existing one first. MUST NOT come with `resumes`. */
  discard: boolean;
  /** Mode of a new file. */
  fileMode: number;
  /** An earlier restore has written its first blocks: a new or empty target is refused. */
  resumes: boolean;
}

/** Says that `discard` had no effect. All is restored nonetheless. */
export function warnNotDiscarded(url: string, { logger }: Pick<IoHost, 'logger'>): void {
  logger.warning(`${url} can't be discarded: the restore writes over it, and its space stays allocated.`);
}

/** The error for a target without data for `restore -c` to continue. */
export function nothingToResume(url: string): BackyError {
  return new BackyError('targetRefused', `Target ${url} is new or empty: the blocks that -c skips would be missing from it.`, {
    hint: 'Restore without -c.',
  });
}
