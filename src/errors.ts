/** Kinds of failures with their usual exit codes. Scripts and `--json` rely on both. */
export const EXIT_CODES = {
  usage: 2,
  config: 1,
  database: 1,
  badDate: 1,
  targetRefused: 1,
  hintsMismatch: 5,
  dataBackend: 6,
  wrongStore: 6,
  massDamage: 6,
  blobUnreadable: 6,
  blocksBad: 20,
  catalogueDamaged: 20,
  versionExists: 22,
  badImport: 23,
  notFound: 100,
  refused: 100,
  encryption: 100,
  locked: 100,
  lockLost: 100,
  io: 100,
  hints: 100,
  worker: 100,
  failed: 100,
  interrupted: 130,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/** The exit codes of failures. */
export type ExitCode = (typeof EXIT_CODES)[ErrorCode];

/** The things that an error is about, so that nobody parses its message. */
export interface ErrorData {
  /** A version. */
  uid?: string;
  /** The id of a block. */
  block?: number;
  path?: string;
}

/** Optional parts of a {@link BackyError}. */
export interface ErrorDetails {
  hint?: string;
  data?: ErrorData;
  exitCode?: number;
  cause?: unknown;
}

/** Advice for a process that may not open more files. */
export const TOO_MANY_OPEN_FILES =
  'This process may not open more files. Raise its limit: ulimit -n 65536, or LimitNOFILE=65536 in its systemd unit.';

/** Advice for failures that do not depend on the file. */
const LIMIT_HINTS: ReadonlyMap<string, string> = new Map([
  ['EMFILE', TOO_MANY_OPEN_FILES],
  ['ENFILE', 'The system may not open more files. Raise its limit: sysctl fs.file-max.'],
]);

/**
 * A failure that the user can meet: one line, a code, an exit code, and a hint how to go on.
 * Programmer errors stay plain `Error`s.
 */
export class BackyError extends Error {
  readonly code: ErrorCode;
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'BackyError';
    this.code = code;
    this.exitCode = details.exitCode ?? EXIT_CODES[code];
    // Otherwise the hint would send the user to a file that is all right.
    this.hint = LIMIT_HINTS.get(errnoOf(details.cause) ?? '') ?? details.hint;
    this.data = details.data ?? {};
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Message, then hint, on one line. */
export function messageWithHint({ message, hint }: Pick<BackyError, 'message' | 'hint'>): string {
  return hint === undefined ? message : `${message.replace(/(?<![.!?:])$/, '.')} ${hint}`;
}

/** Anything that was thrown, as an error that users meet. */
export function toBackyError(error: unknown): BackyError {
  if (error instanceof BackyError) return error;
  return new BackyError('failed', `Unexpected error: ${messageOf(error)}`, { hint: 'Run it again with -d.', cause: error });
}

/** Names of errors for which Node has only `Unknown system error -122`, by its `errno`. */
const NAMES_THAT_NODE_LACKS: ReadonlyMap<unknown, string> = new Map([
  [-74, 'EBADMSG'],
  [-116, 'ESTALE'],
  [-117, 'EUCLEAN'],
  [-122, 'EDQUOT'],
]);

/** The errno name (`ENOENT`, `EIO` …) of a failed system call; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno } = error as NodeJS.ErrnoException;
  return NAMES_THAT_NODE_LACKS.get(errno) ?? (typeof code === 'string' ? code : undefined);
}

/** An error in a message between threads: structured clone drops the fields of error subclasses. */
export interface PlainError {
  message: string;
  code: ErrorCode;
  hint?: string;
  data?: ErrorData;
  stack?: string;
}

/** Converts an error for a message between threads. Anything but a BackyError gets `code`. */
export function toPlainError(error: unknown, code: ErrorCode): PlainError {
  const plain: PlainError = { message: messageOf(error), code: error instanceof BackyError ? error.code : code };
  if (error instanceof BackyError) plain.data = error.data;
  if (error instanceof BackyError && error.hint !== undefined) plain.hint = error.hint;
  if (error instanceof Error && error.stack !== undefined) plain.stack = error.stack;
  return plain;
}

/** The inverse of {@link toPlainError}. */
export function fromPlainError(plain: PlainError): BackyError {
  const { hint, data = {} } = plain;
  const error = new BackyError(plain.code, plain.message, hint === undefined ? { data } : { hint, data });
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}
