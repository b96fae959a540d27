import type { Knex } from 'knex';

let builder: Promise<Knex> | undefined;

/** As in `../sqlite/statement-builder.ts`: knex builds, and runs nothing. */
export function statementBuilder(): Promise<Knex> {
  builder ??= load();
  return builder;
}

async function load(): Promise<Knex> {
  const [{ default: PostgresClient }, { default: makeKnex }] = await Promise.all([
    import('knex/lib/dialects/postgres/index.js'),
    import('knex/lib/knex-builder/make-knex.js'),
  ]);
  return makeKnex(new PostgresClient({ client: 'pg' }));
}
