import { DatabaseError } from 'pg';
import { BackyError } from '../../errors.ts';
import type { Fence } from '../../model/fence.ts';
import type { Exclusion } from '../sql/database.ts';
import { literal, type Sql, sql } from '../sql/statement.ts';
import { isLost } from './database-errors.ts';
import { fenceCondition } from './fence.ts';
import type { Session } from './session.ts';

/**
 * Our advisory locks have two numbers, so that they never meet those of operations between hosts,
 * which have one. "back" in ASCII.
 */
const LOCK_CLASS = literal(0x6261636b);

/** Held until the end of the transaction; see {@link Exclusion}. */
const LOCKS: Record<Exclusion, Sql> = {
  none: sql``,
  naming: sql`SELECT pg_advisory_xact_lock_shared(${LOCK_CLASS}, 1);`,
  judging: sql`SELECT pg_advisory_xact_lock(${LOCK_CLASS}, 1);`,
  schema: sql`SELECT pg_advisory_xact_lock(${LOCK_CLASS}, 2);`,
};

/** The session was lost during the COMMIT: only the server knows the outcome. */
export class UnknownOutcome extends Error {
  readonly xid: string;
  readonly result: unknown;

  constructor(xid: string, result: unknown, cause: unknown) {
    super('the connection was lost while the transaction was being committed', { cause });
    this.xid = xid;
    this.result = result;
  }
}

/** Whether a failure leaves the session unusable. */
export const isBroken = (error: unknown): boolean => isLost(error) || error instanceof UnknownOutcome;

/** How a transaction of a session is made. */
interface TransactOptions {
  exclusion: Exclusion;
  /** Locks of another session that MUST be held until the end. */
  fence?: Fence | undefined;
  /** Called when the wait for others gets long. */
  onWaiting(): void;
}

const WAITING_AFTER_MS = 3_000;

/**
 * Runs `body` in one transaction of this session. READ COMMITTED is enough with the locks above,
 * and never fails because of others.
 * @throws the error of `body` or the server, after a rollback; or {@link UnknownOutcome}.
 */
export async function transact<T>(
  session: Session,
  options: TransactOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  let xid = '';
  let result: T;
  try {
    xid = await begin(session, options);
    result = await body(session);
  } catch (error) {
    if (!isLost(error)) await session.script('ROLLBACK');
    throw error;
  }
  let isIn: boolean;
  try {
    isIn = await session.commit();
  } catch (error) {
    if (error instanceof DatabaseError && !isLost(error)) throw error;
    throw new UnknownOutcome(xid, result, error);
  }
  if (!isIn) throw new Error('the server rolled a transaction back instead of committing it');
  return result;
}

/** @returns the transaction's number, to ask for its outcome. One round trip. */
async function begin(session: Session, { exclusion, fence, onWaiting }: TransactOptions): Promise<string> {
  const timer = setTimeout(onWaiting, WAITING_AFTER_MS);
  try {
    const held = fence === undefined ? sql`true` : fenceCondition(fence);
    const statement = sql`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${LOCKS[exclusion]} SELECT txid_current()::text AS xid, ${held} AS held`;
    const [row] = await session.script<{ xid: string; held: boolean }>(statement.text);
    if (row?.held !== true) throw locksLost();
    return row.xid;
  } finally {
    clearTimeout(timer);
  }
}

function locksLost(): BackyError {
  return new BackyError(
    'lockLost',
    'The session that holds the locks between hosts was lost. Nothing more was written to the database.',
    {
      hint: 'Another host may have worked on the same data since. Look why the connection to PostgreSQL ended.',
    },
  );
}
