import type { Knex } from 'knex';

/** A value that both engines take. */
export type SqlValue = string | number | null | Buffer;

/** SQL that the program has written itself, with a `?` for each value. Only this file makes one. */
export class Sql {
  readonly text: string;
  readonly values: readonly SqlValue[];

  constructor(text: string, values: readonly SqlValue[] = []) {
    this.text = text;
    this.values = values;
  }
}

/** Puts SQL together. A part that is no {@link Sql} becomes a parameter of the statement. */
export function sql(texts: TemplateStringsArray, ...parts: readonly (Sql | SqlValue)[]): Sql {
  let text = texts[0] ?? '';
  const values: SqlValue[] = [];
  // By index: this runs for every statement, and entries() is slower.
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? null;
    if (part instanceof Sql) {
      text += part.text;
      if (part.values.length > 0) values.push(...part.values);
    } else {
      text += '?';
      values.push(part);
    }
    text += texts[i + 1] ?? '';
  }
  return new Sql(text, values);
}

/**
 * The same statement with other values, as many. Its text, by which it is prepared, stays the same.
 */
export function withValues({ text }: Sql, values: readonly SqlValue[]): Sql {
  return new Sql(text, values);
}

/** Joins pieces. @param separator written out where it is called. */
export function joinSql(pieces: readonly Sql[], separator: ', ' | ''): Sql {
  return new Sql(
    pieces.map(({ text }) => text).join(separator),
    pieces.flatMap(({ values }) => values),
  );
}

/** A statement of our schema, which has no values. */
export function schemaStatement(text: string): Sql {
  return new Sql(text);
}

/** The name of a table or column, quoted, whatever it is. */
export function quoted(name: string): Sql {
  return new Sql(`"${name.replaceAll('"', '""')}"`);
}

/** A number within the text, where a statement takes no parameters. */
export function literal(value: number | bigint): Sql {
  return new Sql(String(value));
}

/** A statement that knex built. */
export function built(query: Knex.QueryBuilder): Sql {
  const { sql: text, bindings } = query.toSQL();
  return new Sql(text, bindings as readonly SqlValue[]);
}
