declare const written: unique symbol;

/** A piece of SQL that holds nothing but what the program has written itself. Only this file makes one. */
export type Sql = string & { readonly [written]: true };

/** Puts SQL together. Values are parameters of the statement: the compiler refuses a string that is no piece of SQL. */
export function sql(texts: TemplateStringsArray, ...pieces: readonly (Sql | number | bigint)[]): Sql {
  return String.raw({ raw: texts }, ...pieces) as Sql;
}

/** Joins pieces. @param separator written out where it is called. */
export function joinSql(pieces: readonly Sql[], separator: ', ' | ''): Sql {
  return pieces.join(separator) as Sql;
}

/** The name of a table or column, quoted, whatever it is. */
export function quoted(name: string): Sql {
  return `"${name.replaceAll('"', '""')}"` as Sql;
}
