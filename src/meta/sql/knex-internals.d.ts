/** Knex's dialects, imported by themselves: all of knex takes 30 ms more to load. */
declare module 'knex/lib/dialects/better-sqlite3/index.js' {
  const Client: new (config: Record<string, unknown>) => unknown;
  export default Client;
}

declare module 'knex/lib/knex-builder/make-knex.js' {
  import type { Knex } from 'knex';

  const makeKnex: (client: unknown) => Knex;
  export default makeKnex;
}

declare module 'knex/lib/dialects/postgres/index.js' {
  const Client: new (config: Record<string, unknown>) => unknown;
  export default Client;
}
