import type { Sections } from '../support/labs/config-text.ts';
import { Lab } from '../support/labs/lab.ts';
import type { Running, StartOptions } from '../support/program/process.ts';
import type { LabStore } from '../support/stores/lab-store.ts';
import { createDatabase, dropDatabase, type PostgresAddress, postgresQuery, postgresUrl } from './postgres.ts';

/** The store that all hosts of an installation share. */
export interface SharedStore {
  postgres: PostgresAddress;
  database: string;
  /** Sections besides MetaBackend: the data backend, unless all use one folder. */
  config: Sections;
  /** The folder of the blobs with the file backend. */
  dataPath?: string;
  /** For looking into both; when absent, `dataPath` and an unused SQLite file. */
  store?: LabStore;
  blockSize: number;
}

/** A row of table versions: the columns that tests look at. */
interface SharedVersion {
  uid: string;
  name: string;
  valid: number;
  size: number;
}

/**
 * A backup host: lock_dir, logfile, config and host name of its own, and the real binary. Database
 * and data backend are shared with others.
 */
export class Host extends Lab {
  readonly hostname: string;
  readonly shared: SharedStore;

  /** @param more sections of this host alone; `port` of a proxy in front of PostgreSQL. */
  constructor(
    hostname: string,
    shared: SharedStore,
    { more = {}, port = shared.postgres.port }: { more?: Sections; port?: number } = {},
  ) {
    const engine = postgresUrl({ ...shared.postgres, port }, shared.database);
    super({
      blockSize: shared.blockSize,
      workers: 1,
      ...(shared.dataPath === undefined ? {} : { dataPath: shared.dataPath }),
      ...(shared.store === undefined ? {} : { store: shared.store }),
      config: {
        ...shared.config,
        ...more,
        MetaBackend: { type: 'sql', engine, ...more.MetaBackend },
      },
    });
    this.hostname = hostname;
    this.shared = shared;
  }

  override startCommand(words: readonly string[], options: StartOptions = {}): Running {
    const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', this.hostname, ...words];
    return super.startCommand(named, options);
  }

  /** Runs a statement in the shared database, without the program. */
  rows<T extends object>(sql: string, ...values: (string | number)[]): Promise<T[]> {
    return postgresQuery<T>(this.shared.postgres, this.shared.database, sql, values);
  }

  sharedVersions(): Promise<SharedVersion[]> {
    return this.rows<SharedVersion>('SELECT uid, name, valid, size FROM versions ORDER BY date, uid');
  }

  /**
   * Ends the sessions that hold locks, as an administrator or a restart would.
   * @returns their number.
   */
  async endLockSessions(): Promise<number> {
    const holders =
      "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    return (await this.rows(`SELECT pg_terminate_backend(pid) FROM (${holders}) AS holders`)).length;
  }
}

/** A database of its own for some hosts. `dispose` removes it. */
export async function sharedDatabase(postgres: PostgresAddress): Promise<{ database: string; dispose(): Promise<void> }> {
  const database = await createDatabase(postgres);
  return { database, dispose: () => dropDatabase(postgres, database) };
}
