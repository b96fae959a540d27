import type { Dialect, NewColumn, QueryKey } from '../sql/database.ts';
import { joinSql, type Sql, sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run, type Steps } from '../sql/steps.ts';
import { ARRAY_TYPES, type ArrayType, binaryArray } from './binary-array.ts';
import { lateralJoin } from './lateral-join.ts';
import { arrayOf } from './literals.ts';

/**
 * The time of the server in Unix seconds. Hosts that share a database agree on it, whatever their
 * own clocks say: a new candidate of one host is not an hour old for another.
 */
export const SERVER_SECONDS = sql`floor(extract(epoch FROM clock_timestamp()))::bigint`;

/** SQL as PostgreSQL understands it. */
export const POSTGRES: Dialect = {
  idIsInteger: sql`true`,
  // Its indexes have no copies of a row's values that queries like these would read.
  blocksByKey: sql`(SELECT *, false AS is_other FROM blocks) AS blocks`,
  // As the original does.
  utcNow: "now() AT TIME ZONE 'UTC'",
  nowSeconds: () => SERVER_SECONDS,
  byBytes: (column) => sql`${column} COLLATE "C"`,
  among: (column, values) => {
    // The type of an empty list can't be seen.
    if (values.length === 0) return sql`false`;
    const list = arrayOf(values);
    return typeof values[0] === 'number' ? sql`${column} = ANY(${list}::bigint[])` : sql`${column} = ANY(${list}::text[])`;
  },
  jsonRows: (values) => sql`json_array_elements(${JSON.stringify(values)}::json) AS r(value)`,
  fromHex: (text) => sql`decode(${text}, 'hex')`,
  toHex: (bytes) => sql`encode(${bytes}, 'hex')`,
  uids: (values) => sql`unnest(${arrayOf(values)}::text[]) AS wanted(uid)`,
  hasTable: (name) => sql`SELECT 1 AS one WHERE to_regclass(${name}) IS NOT NULL`,
  // Rows that refer to it can be added all the same.
  lockVersion: (uid) => sql`SELECT 1 AS one FROM versions WHERE uid = ${uid} FOR NO KEY UPDATE`,
  lockLeaves: (ids) =>
    sql`SELECT 1 AS one FROM backy2_leaves WHERE id = ANY(${arrayOf(ids)}::bigint[]) ORDER BY id FOR NO KEY UPDATE`,
  finishedRows: (versionUid, size) =>
    sql`SELECT count(*) FILTER (WHERE id >= 0 AND id < ${size}::bigint) AS fitting, count(*) FILTER (WHERE valid = 0) AS bad
      FROM blocks WHERE version_uid = ${versionUid}`,
  each,
  insertRows,
  newIds,
  deleteBlocks,
};

/** One statement, so that both parts see the same rows. */
export function* deleteBlocks(where: Sql): Steps<number> {
  const { gone } = yield* rowOf<{ gone: number }>(
    sql`WITH gone AS (DELETE FROM blocks WHERE ${where} RETURNING uid, size),
        candidates AS (
          INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
          SELECT uid, max(size), 0, ${SERVER_SECONDS} FROM gone WHERE uid <> '' GROUP BY uid)
      SELECT count(*) AS gone FROM gone`,
  );
  return gone;
}

function* each<T>(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Steps<T[]> {
  return keys.length === 0 ? [] : yield* rowsOf<T>(lateralJoin(keys, queryFor));
}

/** One statement of arrays. A column with the same value in all rows is no array. */
function* insertRows(table: Sql, columns: readonly NewColumn[], onConflict = sql``): Steps<void> {
  const [first] = columns;
  if (first === undefined || first.values.length === 0) return;
  const list = (of: readonly NewColumn[], part: (column: NewColumn) => Sql) => joinSql(of.map(part), ', ');
  const varying = columns.filter((column) => column === first || !isConstant(column));
  const arrays = list(varying, ({ type, values }) => sql`${binaryArray(type, values)}${ARRAY_TYPES[type]}`);
  const selected = list(columns, (column) =>
    varying.includes(column) ? column.name : sql`${column.values[0] ?? null}${TYPES[column.type]}`,
  );
  yield* run(
    sql`INSERT INTO ${table} (${list(columns, ({ name }) => name)})
      SELECT ${selected} FROM unnest(${arrays}) AS new (${list(varying, ({ name }) => name)}) ${onConflict}`,
  );
}

function isConstant({ values: [first, ...others] }: NewColumn): boolean {
  return others.every((value) => value === first);
}

const TYPES: Record<ArrayType, Sql> = { text: sql`::text`, number: sql`::bigint`, bytes: sql`::bytea` };

/** The sequence of a column BIGSERIAL. Other sessions may take numbers in between. */
function* newIds(table: string, count: number): Steps<number[]> {
  if (count === 0) return [];
  const sequence = `${table}_id_seq`;
  const ranges = yield* rowsOf<{ first: number; count: number }>(
    sql`SELECT gap + min(n) AS first, count(*) AS count
      FROM (SELECT n, nextval(${sequence}::regclass) - n AS gap FROM generate_series(1, ${count}::int) AS n) AS taken
      GROUP BY gap ORDER BY first`,
  );
  return ranges.flatMap((range) => Array.from({ length: range.count }, (_, i) => range.first + i));
}
