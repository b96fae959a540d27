import type { QueryKey } from '../sql/database.ts';
import { joinSql, literal, type Sql, sql } from '../sql/statement.ts';
import { ARRAY_TYPES, binaryArray } from './binary-array.ts';

/**
 * One statement that runs a query for each of at least one key. The server plans it once: a union
 * of a query for each of 1000 keys takes 20 times as long, nearly all of it for plans.
 */
export function lateralJoin(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Sql {
  const columns = (keys[0] ?? []).map((first, i) => {
    const type = typeof first === 'number' ? 'number' : Buffer.isBuffer(first) ? 'bytes' : 'text';
    const list = binaryArray(
      type,
      keys.map((key) => key[i] ?? null),
    );
    return { name: sql`value${literal(i)}`, array: sql`${list}${ARRAY_TYPES[type]}` };
  });
  const arrays = joinSql(
    columns.map(({ array }) => array),
    ', ',
  );
  const names = joinSql(
    columns.map(({ name }) => name),
    ', ',
  );
  const query = queryFor(...columns.map(({ name }) => sql`key.${name}`));
  return sql`SELECT found.* FROM unnest(${arrays}) AS key(${names}) CROSS JOIN LATERAL (${query}) AS found`;
}
