import { BackyError, EXIT_CODES, messageOf } from '../../errors.ts';
import { type JsonValue, toJson } from './json.ts';

/** A failed run, in the form of `--json` (docs/json/error.json). */
export interface Failure {
  code: BackyError['code'];
  exitCode: number;
  /** One line. */
  message: string;
  hint: string | undefined;
}

/** Describes a failure of `command`. An unforeseen error gets the code `failed`. */
export function failureOf(error: unknown, command: string): Failure {
  const known =
    error instanceof BackyError
      ? error
      : new BackyError('failed', `Unexpected error: ${messageOf(error)}`, {
          hint: 'Run the command again with -d for a stack trace.',
          cause: error,
        });
  return { code: known.code, exitCode: exitCodeOf(known, command), message: known.message, hint: known.hint };
}

/**
 * Exit code 6 tells scripts that a backup or restore can be resumed. Other commands cannot be
 * resumed.
 */
function exitCodeOf(error: BackyError, command: string): number {
  const canResume = command === 'backup' || command === 'restore';
  const isBackend = error.code === 'dataBackend' || error.code === 'blobUnreadable';
  return isBackend && !canResume ? EXIT_CODES.failed : error.exitCode;
}

/**
 * The JSON document of a failure.
 * @param known the parts of the result that the command has recorded.
 */
export function failureDocument({ code, exitCode, message, hint }: Failure, known: Record<string, unknown> = {}): JsonValue {
  const isKnown = Object.values(known).some((value) => value !== undefined);
  return toJson({ error: { code, exitCode, message, hint: hint ?? null }, partial: isKnown ? known : null });
}
