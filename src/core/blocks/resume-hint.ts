import { BackyError } from '../../errors.ts';

/** Failures say how to go on; what is stored stays. @param canContinue false: its source will be gone. */
export function withWayOn(error: unknown, uid: string, canContinue = true): unknown {
  if (!(error instanceof BackyError) || error.code === 'hintsMismatch') return error;
  const wayOn = !canContinue
    ? 'What is stored stays, and the next run begins anew.'
    : `What is stored stays; the version is invalid. Continue with the same options and: backy2 backup -c ${uid}`;
  return new BackyError(error.code, error.message, {
    exitCode: error.exitCode,
    hint: error.hint === undefined ? wayOn : `${error.hint} ${wayOn}`,
    cause: error,
  });
}
