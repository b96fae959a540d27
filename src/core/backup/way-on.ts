import { BackyError } from '../../errors.ts';

/** Failures say how to go on; what is stored stays. */
export function withWayOn(error: unknown, uid: string): unknown {
  if (!(error instanceof BackyError) || error.code === 'hintsMismatch') return error;
  const wayOn = `What is stored stays; the version is invalid. Continue with the same options and: backy2 backup -c ${uid}`;
  return new BackyError(error.code, error.message, {
    exitCode: error.exitCode,
    hint: error.hint === undefined ? wayOn : `${error.hint} ${wayOn}`,
    cause: error,
  });
}
