import type { Knex } from 'knex';

let builder: Promise<Knex> | undefined;

/**
 * Knex, which builds ordinary statements that change something, and runs none. It writes them for
 * PostgreSQL; SQLite understands the same text. Loaded on first use: it takes 9 ms, which commands
 * that only read need not spend. Their statements are written out.
 */
export function statementBuilder(): Promise<Knex> {
  builder ??= load();
  return builder;
}

async function load(): Promise<Knex> {
  const { makeKnex, PostgresDialect } = await import('./knex.ts');
  return makeKnex(new PostgresDialect({ client: 'pg' }));
}
