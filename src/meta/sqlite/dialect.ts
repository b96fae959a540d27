import type { Dialect, NewColumn, QueryKey } from '../sql/database.ts';
import { joinSql, type Sql, type SqlValue, sql, withValues } from '../sql/statement.ts';
import { rowsOf, run, type Steps } from '../sql/steps.ts';
import { BLOCKS_BY_KEY } from './blocks-by-key.ts';

/** SQL as SQLite understands it. */
export class SqliteDialect implements Dialect {
  readonly idIsInteger = sql`typeof(id) = 'integer'`;
  readonly blocksByKey = BLOCKS_BY_KEY;
  readonly utcNow = "datetime('now')";
  readonly #now: () => Date;

  /** @param now the clock that dates candidates. */
  constructor(now: () => Date) {
    this.#now = now;
  }

  nowSeconds(): Sql {
    return sql`${Math.floor(this.#now().getTime() / 1000)}`;
  }

  byBytes(column: Sql): Sql {
    return column;
  }

  among(column: Sql, values: readonly string[] | readonly number[]): Sql {
    const [first] = values;
    // One value is common, and faster this way.
    if (first !== undefined && values.length === 1) return sql`${column} = ${first}`;
    return sql`${column} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
  }

  jsonRows(values: readonly object[]): Sql {
    return sql`json_each(${JSON.stringify(values)})`;
  }

  fromHex(text: Sql): Sql {
    return sql`unhex(${text})`;
  }

  /** The function makes an empty text of NULL. */
  toHex(bytes: Sql): Sql {
    return sql`CASE WHEN ${bytes} IS NOT NULL THEN lower(hex(${bytes})) END`;
  }

  uids(values: readonly string[]): Sql {
    return sql`(SELECT value AS uid FROM json_each(${JSON.stringify(values)})) AS wanted`;
  }

  hasTable(name: string): Sql {
    return sql`SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = ${name}`;
  }

  /**
   * Looks for bad rows in the order of the table, where a backup's rows lie together: in the order
   * of ids, each would be in another page after a take-over.
   */
  finishedRows(versionUid: string, size: number): Sql {
    return sql`SELECT
      (SELECT count(*) FROM blocks WHERE version_uid = ${versionUid} AND ${this.idIsInteger} AND id >= 0 AND id < ${size}) AS fitting,
      EXISTS (SELECT 1 FROM blocks WHERE rowid >= (SELECT min(rowid) FROM blocks WHERE version_uid = ${versionUid})
        AND +version_uid = ${versionUid} AND valid = 0) AS bad`;
  }

  *each<T>(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Steps<T[]> {
    const rows: T[] = [];
    for (const query of eachQuery(keys, queryFor)) for (const row of yield* rowsOf<T>(query)) rows.push(row);
    return rows;
  }

  /** A prepared statement for each row is faster than JSON. */
  *insertRows(table: Sql, columns: readonly NewColumn[], onConflict = sql``): Steps<void> {
    const names = joinSql(
      columns.map(({ name }) => name),
      ', ',
    );
    const blanks = joinSql(
      columns.map(() => sql`${null}`),
      ', ',
    );
    const insert = sql`INSERT INTO ${table} (${names}) VALUES (${blanks}) ${onConflict}`;
    for (let row = 0; row < (columns[0]?.values.length ?? 0); row++)
      yield withValues(
        insert,
        columns.map(({ values }) => values[row] ?? null),
      );
  }

  /** AUTOINCREMENT counts rows that are added with these ids. */
  *newIds(table: string, count: number): Steps<number[]> {
    const [last] = yield* rowsOf<{ seq: number }>(sql`SELECT seq FROM sqlite_sequence WHERE name = ${table}`);
    return Array.from({ length: count }, (_, i) => (last?.seq ?? 0) + i + 1);
  }

  *deleteBlocks(where: Sql): Steps<number> {
    yield* run(
      sql`INSERT INTO deleted_blocks (uid, size, delete_candidate, time)
        SELECT uid, max(size), 0, ${this.nowSeconds()} FROM blocks WHERE ${where} AND uid <> '' GROUP BY uid`,
    );
    return yield* run(sql`DELETE FROM blocks WHERE ${where}`);
  }
}

/** A query for each key: one statement, which is put together and prepared once. */
export function eachQuery(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Sql[] {
  const [first] = keys;
  if (first === undefined) return [];
  const marks: SqlValue[] = first.map(() => Buffer.alloc(0));
  const query = queryFor(...marks.map((mark) => sql`${mark}`));
  const places = query.values.map((value) => marks.indexOf(value));
  return keys.map((key) =>
    withValues(
      query,
      query.values.map((value, i) => key[places[i] ?? -1] ?? value),
    ),
  );
}
