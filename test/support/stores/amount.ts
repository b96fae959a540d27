/** What labs keep their data in: `servers` for PostgreSQL and S3, set by the project `stores` of vitest.config.ts; else SQLite and files. */
export const ON_SERVERS = process.env.BACKY_TEST_STORE === 'servers';

/** How much of something a test does: an object of a bucket takes a hundred times as long as a file. */
export function amount(on: { files: number; servers: number }): number {
  return ON_SERVERS ? on.servers : on.files;
}
