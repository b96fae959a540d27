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
  const [{ default: SqliteClient }, { default: makeKnex }] = await Promise.all([
    import('knex/lib/dialects/better-sqlite3/index.js'),
    import('knex/lib/knex-builder/make-knex.js'),
  ]);
  return makeKnex(new SqliteClient({ client: 'better-sqlite3', useNullAsDefault: true }));
}
