import { DatabaseError } from 'pg';
import { BackyError, type ErrorDetails, errnoOf, messageOf } from '../../errors.ts';
import { NoDatabaseError } from '../no-database.ts';

/**
 * Error codes (appendix A of the manual of PostgreSQL) after which the same transaction can
 * succeed.
 */
const CONFLICTS = ['40001', '40P01'];
/** The server ends the session, or accepts none at the moment. */
const INTERRUPTIONS = ['57P01', '57P02', '57P03', '57P05', '53300', '08000', '08001', '08003', '08004', '08006'];
/** Of system calls. */
const LOST = [
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN'],
  ...['ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT'],
];
/** Messages of the driver that come without a code. */
const LOST_WORDS =
  /^(Connection terminated|timeout exceeded when trying|timeout expired|Client has encountered a connection error|Client was closed|socket disconnected)|read ECONN|before secure TLS|not queryable/i;

/** Whether a transaction failed because of others: it was rolled back and can run again. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && (CONFLICTS.includes(error.code ?? '') || isAboutLeaf(error));
}

/** Of two transactions of the compact layout, one refers to a leaf that the other one deletes. */
function isAboutLeaf({ code, constraint }: DatabaseError): boolean {
  return code === '23503' && constraint === 'backy2_map_leaves_leaf_fkey';
}

/** Whether the session was lost, or none was available, for a reason that can pass. */
export function isLost(error: unknown): boolean {
  if (error instanceof DatabaseError) return INTERRUPTIONS.includes(error.code ?? '');
  if (error instanceof BackyError) return false;
  return LOST.includes(errnoOf(error) ?? '') || LOST_WORDS.test(messageOf(error));
}

/** Whether the server, or a limit of the role or database, allows no further session. */
export function isFull(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '53300';
}

/** Whether the server is starting: worth a wait even at the start of the program. */
export function isStarting(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '57P03';
}

/** Whether the server refused because of TLS: it has none, or requires it. */
export function isAboutEncryption(error: unknown): boolean {
  if (error instanceof DatabaseError) return error.code === '28000' && /encryption|SSL/.test(error.message);
  return /does not support SSL/.test(messageOf(error));
}

/** Whether a version with this uid exists. */
export function isDuplicateVersion(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23505' && error.table === 'versions';
}

/**
 * A failure of the driver or the server as a BackyError; any other error is returned as it is. No
 * error of theirs contains the password.
 */
export function toDatabaseError(label: string, error: unknown): unknown {
  if (error instanceof BackyError) return error;
  if (error instanceof DatabaseError) return fromServer(label, error);
  if (!isLost(error) && !isAboutEncryption(error) && !/TLS|certificate|SASL|SCRAM|password/i.test(messageOf(error))) return error;
  const why = reasonOf(error);
  return failed(`Can't connect to the database ${label}: ${why}`, {
    hint: 'Is PostgreSQL running there, and does it accept connections? Check [MetaBackend] engine in the config file.',
    cause: error,
  });
}

/** The error for a database without our tables. */
export function notInitialized(label: string): BackyError {
  return new NoDatabaseError(`Invalid database (${label}): it has no tables of backy2`);
}

/** The reason for a missing connection, in words. */
export function reasonOf(error: unknown): string {
  if (/password must be a string/.test(messageOf(error))) return 'the server asks for a password.';
  const code = errnoOf(error);
  if (code === 'ECONNREFUSED') return 'connection refused.';
  if (code === 'ENOENT') return 'there is no such socket.';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its host is not known.';
  // Attempts at several addresses of a name come without a text.
  return messageOf(error) || code || 'no connection.';
}

/** No advice to create it without a doubt: it may have been lost. */
const MISSING = {
  todo: 'Please create it first.',
  hint: 'Check [MetaBackend] engine. On a new installation: createdb -O USER DATABASE. If it was in use, restore it from its backup (docs/database.md).',
};

function fromServer(label: string, error: DatabaseError): BackyError {
  const said = `${error.message} (${error.code ?? 'no code'})`;
  if (error.code === '3D000')
    return new NoDatabaseError(`Can't open the database ${label}: ${said}`, { ...MISSING, cause: error });
  const [start, hint] = explain(error);
  // The database is fine: only the value does not fit.
  if (error.code?.startsWith('22'))
    return new BackyError('refused', `The database ${label} refused a value: ${said}`, { cause: error });
  return failed(`${start} ${label}: ${said}`, { hint, cause: error });
}

function explain({ code = '', message }: DatabaseError): [start: string, hint: string] {
  if (code === '28P01' || (code === '28000' && /password|role/.test(message)))
    return ["Can't log in to the database", 'Check user and password in [MetaBackend] engine.'];
  if (code === '28000')
    return ["Can't log in to the database", 'Check pg_hba.conf of the server, and sslmode in [MetaBackend] engine.'];
  if (code === '42501')
    return [
      'The user lacks rights in the database',
      'initdb must create tables: GRANT CREATE ON SCHEMA public TO the user, or make it the owner.',
    ];
  if (code === '25006')
    return ["Can't write to the database", 'Is it a standby? [MetaBackend] engine must name the server that takes writes.'];
  if (code === '42P01' || code === '42703')
    return [
      'Tables are missing or foreign in the database',
      'On a new installation run: backy2 initdb. If the database was in use, restore it from its backup.',
    ];
  if (code === '53300')
    return [
      "Can't connect to the database",
      'A command needs two connections, one of them for its locks, and uses up to five. Wait for other commands, or raise the limit: ALTER ROLE … CONNECTION LIMIT, ALTER DATABASE … CONNECTION LIMIT, or max_connections.',
    ];
  if (code === '53100')
    return [
      'The disk of the server is full, with the database',
      'Free or add space there, outside of the database: removing versions needs space first. See docs/several-hosts.md, "A full disk".',
    ];
  if (code.startsWith('53')) return ['The server has no room for the database', 'Look at its disk, memory and max_connections.'];
  if (INTERRUPTIONS.includes(code)) return ["Can't connect to the database", 'Look at the log of the server.'];
  return ['There was a failure in the database', 'Look at the log of the server.'];
}

function failed(message: string, details: ErrorDetails): BackyError {
  return new BackyError('database', message, details);
}
