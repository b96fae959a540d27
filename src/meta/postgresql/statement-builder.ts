import type { Knex } from 'knex';

let builder: Promise<Knex> | undefined;

/** As in `../sqlite/statement-builder.ts`: knex builds, and runs nothing. */
export function statementBuilder(): Promise<Knex> {
  builder ??= load();
  return builder;
}

async function load(): Promise<Knex> {
  const { makeKnex, postgresDialect } = await import('../sql/knex.ts');
  const PostgresClient = await postgresDialect();
  return makeKnex(new PostgresClient({ client: 'pg' }));
}
