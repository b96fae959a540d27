import { BackyError } from '../errors.ts';

/** Requirements on a target. */
export interface TargetNeeds {
  sizeBytes: number;
  /** An existing one may be overwritten. */
  force: boolean;
  /** Mode of a new file. */
  fileMode: number;
  /** An earlier restore has written its first blocks: a new or empty target is refused. */
  resumes: boolean;
}

/** The error for a target without data for `restore -c` to continue. */
export function nothingToResume(url: string): BackyError {
  return new BackyError('targetRefused', `Target ${url} is new or empty: the blocks that -c skips would be missing from it.`, {
    hint: 'Restore without -c.',
  });
}
