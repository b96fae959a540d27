import { BackyError } from '../errors.ts';

/** How much room a target needs, and what of it is there. */
export interface TargetNeeds {
  sizeBytes: number;
  /** An existing one may be overwritten. */
  force: boolean;
  /** An earlier restore has written its first blocks: a new or empty target is refused. */
  resumes: boolean;
}

/** Says that there is nothing for `restore -c` to continue. */
export function nothingToResume(url: string): BackyError {
  return new BackyError('targetRefused', `Target ${url} is new or empty: the blocks that -c skips would be missing from it.`, {
    hint: 'Restore without -c.',
  });
}
