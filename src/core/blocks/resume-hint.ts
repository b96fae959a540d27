import { BackyError } from '../../errors.ts';

/**
 * Runs `body`. A failure that the user can act on also says how to resume the operation. After an
 * abort, its reason is the error: what fails then is a consequence.
 */
export async function withResumeHint<T>(signal: AbortSignal, hint: () => string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw addHint(signal.aborted ? signal.reason : error, hint());
  }
}

/** A mismatch of hints has its own advice: there is nothing to resume. */
function addHint(error: unknown, hint: string): unknown {
  if (!(error instanceof BackyError) || error.code === 'hintsMismatch') return error;
  const { code, message, exitCode, data } = error;
  return new BackyError(code, message, {
    exitCode,
    data,
    hint: error.hint === undefined ? hint : `${error.hint} ${hint}`,
    cause: error,
  });
}
