import { ON_SERVERS } from './amount.ts';
import { FileStore } from './file-store.ts';
import type { LabStore } from './lab-store.ts';
import { ServerStore } from './server-store.ts';

/** A new store for a lab; `paths` are used by SQLite and files. */
export function newStore(paths: { databasePath: string; dataPath: string }): LabStore {
  return ON_SERVERS ? new ServerStore() : new FileStore(paths);
}
