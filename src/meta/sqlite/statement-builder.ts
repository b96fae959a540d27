import type { Knex } from 'knex';

let builder: Promise<Knex> | undefined;

/**
 * Knex, which builds ordinary statements and runs none. Loaded on first use: its dialect alone takes 20 ms, which commands that only
 * read need not spend.
 */
export function statementBuilder(): Promise<Knex> {
  builder ??= load();
  return builder;
}

async function load(): Promise<Knex> {
  const { makeKnex, sqliteDialect } = await import('../sql/knex.ts');
  const SqliteClient = await sqliteDialect();
  return makeKnex(new SqliteClient({ client: 'better-sqlite3', useNullAsDefault: true }));
}
