import type { Fence } from '../../model/fence.ts';
import { literal, type Sql, sql } from '../sql/statement.ts';

/**
 * A condition that is true while all locks are held, and stays true until the end of the
 * transaction.
 */
export function fenceCondition({ share, taken }: Fence): Sql {
  const isShared = share === undefined ? sql`` : sql`pg_try_advisory_xact_lock_shared(${literal(share)}) AND `;
  // CASE keeps this order: a session that exists after we share has existed all the time.
  return sql`CASE WHEN ${isShared}true THEN NOT pg_try_advisory_xact_lock_shared(${literal(taken)}) ELSE false END`;
}
