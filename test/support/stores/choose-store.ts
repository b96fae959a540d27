import { FileStore } from './file-store.ts';
import type { LabStore } from './lab-store.ts';
import { ServerStore } from './server-store.ts';

/** What labs keep their data in: `servers` for PostgreSQL and S3, set by vitest.services.config.ts; else SQLite and files. */
export const ON_SERVERS = process.env.BACKY_TEST_STORE === 'servers';

/** A new store for a lab; `paths` are for the one of SQLite and files. */
export function newStore(paths: { databasePath: string; dataPath: string }): LabStore {
  return ON_SERVERS ? new ServerStore() : new FileStore(paths);
}

/** How much of something a test does: an object of a bucket takes a hundred times as long as a file. */
export function amount(on: { files: number; servers: number }): number {
  return ON_SERVERS ? on.servers : on.files;
}
