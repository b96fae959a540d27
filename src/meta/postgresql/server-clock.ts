import { sql } from '../sql/sql-text.ts';

/**
 * The server's time in Unix seconds. Hosts that share a database agree on it, whatever their own
 * clocks say: a blob that one of them has just made a candidate is not an hour old for another one.
 */
export const SERVER_SECONDS = sql`floor(extract(epoch FROM clock_timestamp()))::bigint`;
