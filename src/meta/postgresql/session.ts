import pg, { type ClientBase, type CustomTypesConfig } from 'pg';
import type { Sql } from '../sql/statement.ts';
import type { Answer, Steps } from '../sql/steps.ts';

/** Bigints and numerics are numbers here: sizes and counts stay far below 2^53. */
const NUMBERS: number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];
const DATES: number[] = [pg.types.builtins.TIMESTAMP, pg.types.builtins.DATE];

/** How values are read: times stay text, since the driver would take them for local ones. */
export const TYPES: CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (NUMBERS.includes(oid)) return Number;
    if (DATES.includes(oid)) return (text: string) => text;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

/** One borrowed connection. Statements run in the order of the calls. */
export class Session {
  readonly #client: ClientBase;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  /** The rows that a statement gives. */
  async query<T>(statement: Sql): Promise<T[]> {
    return (await this.#answer(statement)).rows as T[];
  }

  /** The first row that a statement gives; one that always gives a row. */
  async queryOne<T>(statement: Sql): Promise<T> {
    const [row] = await this.query<T>(statement);
    if (row === undefined) throw new Error(`no row from: ${statement.text}`);
    return row;
  }

  /** @returns how many rows a statement changed. */
  async run(statement: Sql): Promise<number> {
    return (await this.#answer(statement)).changes;
  }

  /** Runs steps, within the caller's transaction if there is one. */
  async play<T>(steps: Steps<T>): Promise<T> {
    for (let next = steps.next(); ; ) {
      if (next.done === true) return next.value;
      next = steps.next(await this.#answer(next.value));
    }
  }

  async #answer({ text, values }: Sql): Promise<Answer> {
    const { rows, rowCount } = await this.#client.query(numbered(text), [...values]);
    return { rows, changes: rowCount ?? 0 };
  }

  /** Runs statements without values, at once. @returns the rows of the last one. */
  async script<T>(text: string): Promise<T[]> {
    const results: unknown = await this.#client.query(text);
    const last = (Array.isArray(results) ? results.at(-1) : results) as { rows: T[] } | undefined;
    return last?.rows ?? [];
  }

  /** Ends the transaction. @returns false when the server rolled it back instead. */
  async commit(): Promise<boolean> {
    return (await this.#client.query('COMMIT')).command === 'COMMIT';
  }
}

/** Names parameters as the server does: `$1`, `$2` … for each `?`. */
function numbered(text: string): string {
  let n = 0;
  return text.replaceAll('?', () => `$${++n}`);
}
