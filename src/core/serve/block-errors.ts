import { BackyError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';

/** A block of an open image that could not be read or written. */
export interface BlockFailure {
  attempt: 'read' | 'write';
  id: number;
  versionUid: string;
  error: unknown;
}

/** Tells a bad block, which the image stays without, from a failure that may pass. */
export function isBadBlockError(error: unknown): error is BackyError {
  return error instanceof BackyError && error.code === 'blocksBad';
}

/** Logs a failure. Bad blocks are skipped: they were logged when they were found. */
export function logBlockFailure(logger: Logger, { attempt, id, versionUid, error }: BlockFailure): void {
  if (isBadBlockError(error)) return;
  const hint = error instanceof BackyError && error.hint !== undefined ? ` ${error.hint}` : '';
  logger.error(`Cannot ${attempt} block ${id} of version ${versionUid}: ${messageOf(error)}${hint}`);
}
