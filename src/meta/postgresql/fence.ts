import { literal, type Sql, sql } from '../sql/statement.ts';

/**
 * Advisory locks by which a transaction sees that locks between hosts, which another session of
 * this program holds, are still held. Without them, a transaction that runs again after a lost
 * connection could commit rows whose blobs another host has deleted.
 */
export interface Fence {
  /**
   * Shared until the end of the transaction, so that nobody gets the installation before. Undefined
   * when this program holds the installation itself.
   */
  share: bigint | undefined;
  /**
   * Held only by the session of our locks: whoever else gets it knows that this session was lost.
   */
  taken: bigint;
}

/**
 * A condition that is true while all locks are held, and stays true until the end of the
 * transaction.
 */
export function fenceCondition({ share, taken }: Fence): Sql {
  const isShared = share === undefined ? sql`` : sql`pg_try_advisory_xact_lock_shared(${literal(share)}) AND `;
  // CASE keeps this order: a session that exists after we share has existed all the time.
  return sql`CASE WHEN ${isShared}true THEN NOT pg_try_advisory_xact_lock_shared(${literal(taken)}) ELSE false END`;
}
