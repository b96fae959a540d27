import { BackyError } from '../errors.ts';

const ON_A_NEW_INSTALLATION = 'Check [MetaBackend] engine in the config file; on a new installation run: backy2 initdb';

interface MissingDetails {
  /** A sentence behind the problem, for a new installation. */
  todo?: string;
  hint?: string;
  cause?: unknown;
}

/**
 * The configured database does not exist or is not ours. On a new installation initdb makes it;
 * otherwise it was lost or moved.
 */
export class NoDatabaseError extends BackyError {
  /** The problem without a hint: the hint depends on whether there are blobs. */
  readonly what: string;

  constructor(what: string, { todo = 'Please run initdb first.', hint = ON_A_NEW_INSTALLATION, cause }: MissingDetails = {}) {
    super('database', `${what}. ${todo}`, cause === undefined ? { hint } : { hint, cause });
    this.what = what;
  }
}
