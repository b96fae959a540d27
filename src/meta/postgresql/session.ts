import type { Knex } from 'knex';
import pg, { type ClientBase, type CustomTypesConfig } from 'pg';

/** A value that the driver takes. */
export type PgValue = string | number | boolean | null;

/** Bigints and numerics are numbers here: sizes and counts stay far below 2^53. */
const NUMBERS: number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];
const DATES: number[] = [pg.types.builtins.TIMESTAMP, pg.types.builtins.DATE];

/** How values are read: times stay text, since the driver takes them for local ones. */
export const TYPES: CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (NUMBERS.includes(oid)) return Number;
    if (DATES.includes(oid)) return (text: string) => text;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

/** One connection, for as long as somebody has it. Statements run in the order of the calls. */
export class Session {
  readonly #client: ClientBase;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  /** The rows that a statement gives. */
  async query<T>(sql: string, values: readonly PgValue[] = []): Promise<T[]> {
    return (await this.#client.query(sql, [...values])).rows as T[];
  }

  /** The first row that a statement gives; one that always gives a row. */
  async queryOne<T>(sql: string, values: readonly PgValue[] = []): Promise<T> {
    const [row] = await this.query<T>(sql, values);
    if (row === undefined) throw new Error(`no row from: ${sql}`);
    return row;
  }

  /** @returns how many rows a statement changed. */
  async run(sql: string, values: readonly PgValue[] = []): Promise<number> {
    return (await this.#client.query(sql, [...values])).rowCount ?? 0;
  }

  /** Runs a statement that knex built. @returns how many rows it changed. */
  async runBuilt(query: Knex.QueryBuilder): Promise<number> {
    const { sql, bindings } = query.toSQL().toNative();
    return this.run(sql, bindings as PgValue[]);
  }

  /** Runs statements without values, at once. @returns the rows of the last one. */
  async script<T>(sql: string): Promise<T[]> {
    const results: unknown = await this.#client.query(sql);
    const last = (Array.isArray(results) ? results.at(-1) : results) as { rows: T[] } | undefined;
    return last?.rows ?? [];
  }

  /** Ends the transaction. @returns false when the server rolled it back instead. */
  async commit(): Promise<boolean> {
    return (await this.#client.query('COMMIT')).command === 'COMMIT';
  }
}
