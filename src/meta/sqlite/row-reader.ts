import type Database from 'better-sqlite3';
import type { SqlValue } from '../sql/statement.ts';

/**
 * A prepared statement that gives rows. Makes the objects itself, from arrays: the driver takes a
 * third longer to make them.
 */
export class RowReader {
  readonly #statement: Database.Statement;
  readonly #names: readonly string[];
  /** A row without values. Copies of it share its shape. */
  readonly #blank: Record<string, unknown>;

  /** Nobody else may use the statement. */
  constructor(statement: Database.Statement) {
    this.#statement = statement.raw(true);
    this.#names = statement.columns().map(({ name }) => name);
    this.#blank = Object.fromEntries(this.#names.map((name) => [name, null]));
  }

  all(values: readonly SqlValue[]): Record<string, unknown>[] {
    const names = this.#names;
    return (this.#statement.all(...values) as unknown[][]).map((cells) => {
      const row = { ...this.#blank };
      // By index: this runs for every row.
      for (let i = 0; i < names.length; i++) row[names[i] as string] = cells[i];
      return row;
    });
  }
}
