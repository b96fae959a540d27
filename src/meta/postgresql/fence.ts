import { literal, type Sql, sql } from '../sql/statement.ts';

/**
 * Advisory locks that show a transaction whether locks between hosts, which another session of this program holds, are still held. Without that,
 * a transaction that is made again after a lost connection could commit rows whose blobs another host has deleted meanwhile.
 */
export interface Fence {
  /** Shared until the transaction's end, so that nobody gets the installation before it; undefined when we have it ourselves. */
  share: bigint | undefined;
  /** Held by the session of our locks alone: whoever is granted it knows that this session is gone. */
  taken: bigint;
}

/** A condition that is true while all locks are held, and keeps it so until the transaction's end. */
export function fenceCondition({ share, taken }: Fence): Sql {
  const isShared = share === undefined ? sql`` : sql`pg_try_advisory_xact_lock_shared(${literal(share)}) AND `;
  // In this order, which CASE promises: a session that is there after we share has been there all the time.
  return sql`CASE WHEN ${isShared}true THEN NOT pg_try_advisory_xact_lock_shared(${literal(taken)}) ELSE false END`;
}
