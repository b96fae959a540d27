import { BackyError, messageOf } from '../../errors.ts';
import { type JsonValue, toJson } from './json.ts';

/** What a failed run says with `--json` (docs/json/error.json). */
export interface Failure {
  code: BackyError['code'];
  exitCode: number;
  /** One line. */
  message: string;
  hint: string | undefined;
}

/** Tells a failure of `command`: what was not foreseen gets the code `failed`. */
export function failureOf(error: unknown, command: string): Failure {
  const known =
    error instanceof BackyError
      ? error
      : new BackyError('failed', `Unexpected error: ${messageOf(error)}`, {
          hint: 'Run it again with -d to see where it came from.',
          cause: error,
        });
  return { code: known.code, exitCode: exitCodeOf(known, command), message: known.message, hint: known.hint };
}

/** Exit code 6 tells scripts that a backup or restore can be gone on with; in other commands it would promise what is not so (cli.md). */
function exitCodeOf(error: BackyError, command: string): number {
  const goesOn = command === 'backup' || command === 'restore';
  return error.code === 'dataBackend' && !goesOn ? new BackyError('failed', '').exitCode : error.exitCode;
}

/** The document of a failure. @param known what is known of the result all the same. */
export function failureDocument({ code, exitCode, message, hint }: Failure, known: Record<string, unknown> = {}): JsonValue {
  const isKnown = Object.values(known).some((value) => value !== undefined);
  return toJson({ error: { code, exitCode, message, hint: hint ?? null }, partial: isKnown ? known : null });
}
