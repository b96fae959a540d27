/** The parts of knex that ./knex.ts imports by themselves. */
declare module 'knex/lib/knex-builder/make-knex.js' {
  import type { Knex } from 'knex';

  const makeKnex: (client: unknown) => Knex;
  export default makeKnex;
}

declare module 'knex/lib/dialects/postgres/index.js' {
  const Client: new (config: Record<string, unknown>) => unknown;
  export default Client;
}
