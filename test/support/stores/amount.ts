/**
 * Whether labs keep their data in PostgreSQL and S3, as in project `stores` of vitest.config.ts;
 * else in SQLite and files.
 */
export const ON_SERVERS = process.env.BACKY_TEST_STORE === 'servers';

/** Chooses an amount by store: an object in a bucket takes a hundred times as long as a file. */
export function amount(on: { files: number; servers: number }): number {
  return ON_SERVERS ? on.servers : on.files;
}
