import { type PostgresAddress, postgresUrl } from '../../services/postgres.ts';
import { FileStore } from './file-store.ts';
import type { SqlValue } from './lab-store.ts';
import { ServerCalls } from './server-calls.ts';
import { KEYS } from './server-store.ts';

interface SharedPlaces {
  postgres: PostgresAddress;
  database: string;
  dataPath: string;
}

/**
 * A PostgreSQL database, and files, as on hosts that share a file system. The creator of the
 * database removes it.
 */
export class PostgresFileStore extends FileStore {
  readonly #calls: ServerCalls;
  readonly #database: string;

  constructor({ postgres, database, dataPath }: SharedPlaces) {
    super({ databasePath: '', dataPath });
    this.#calls = new ServerCalls({ postgres, ceph: {} });
    this.#database = database;
    Object.assign(this.config, { MetaBackend: { type: 'sql', engine: postgresUrl(postgres, database) } });
  }

  override async initialize(initdb: () => Promise<unknown>): Promise<void> {
    await initdb();
  }

  override query<T>(sql: string, values: readonly SqlValue[]): T[] {
    return this.#calls.call('query', this.#database, sql, values) as T[];
  }

  override execute(sql: string, values: readonly SqlValue[]): void {
    this.#calls.call('query', this.#database, sql, values);
  }

  override executeMany(sql: string, rows: readonly (readonly (SqlValue | null)[])[]): void {
    this.#calls.call('executeMany', this.#database, sql, rows);
  }

  override rows(table: string): unknown[] {
    return this.query(`SELECT * FROM ${table} ORDER BY ${KEYS[table] ?? '1'}`, []);
  }
}
