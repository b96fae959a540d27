import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { SqlDatabase } from './database.ts';
import { literal, type Sql, sql } from './statement.ts';

/** The highest id that the column can have in the original's schema. */
const LAST_ID = 2 ** 31 - 1;

/** A condition: a row's id is one that a block can have. */
export function isBlockId({ dialect }: SqlDatabase): Sql {
  return sql`${dialect.idIsInteger} AND id <= ${literal(LAST_ID)}`;
}

/** A condition: a row's id is none of a version of `size` blocks. */
export function isStray({ dialect }: SqlDatabase, size: number): Sql {
  return sql`(NOT (${dialect.idIsInteger}) OR id < 0 OR id >= CAST(${size} AS BIGINT))`;
}

/** An expression: the length in bytes of a block of the row's id. */
export function lengthOfBlock(geometry: Geometry): Sql {
  const lastId = blockCount(geometry) - 1;
  return sql`CASE id WHEN CAST(${lastId} AS INTEGER) THEN CAST(${blockLength(geometry, lastId)} AS BIGINT)
    ELSE CAST(${geometry.blockSize} AS BIGINT) END`;
}
