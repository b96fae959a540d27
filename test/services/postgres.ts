import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { GuardedFolder } from './guard.ts';
import { findProgram } from './packages.ts';
import { freePorts } from './ports.ts';

const run = promisify(execFile);
/** The superuser's. Loopback asks for it, so that a wrong password is refused as in real life. */
const PASSWORD = 'a-secret';
const START_MS = 30_000;

/** A server's address: enough to use it from another process. */
export interface PostgresAddress {
  port: number;
  /** The folder of its unix socket, where no password is asked. */
  socketFolder: string;
}

/** The engine URL of a database, as in backy.cfg. */
export function postgresUrl({ port }: PostgresAddress, database: string): string {
  return `postgresql://postgres:${PASSWORD}@127.0.0.1:${port}/${database}`;
}

/** Makes an empty database with a new name. @returns its name. */
export async function createDatabase(
  address: PostgresAddress,
  name = `db_${Math.random().toString(36).slice(2)}`,
): Promise<string> {
  await postgresQuery(address, 'postgres', `CREATE DATABASE "${name}"`);
  return name;
}

/** Removes a database and ends its connections. */
export async function dropDatabase(address: PostgresAddress, name: string): Promise<void> {
  await postgresQuery(address, 'postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
}

/** Runs one statement on a connection of its own, as the superuser. */
export async function postgresQuery<T extends object>(
  address: PostgresAddress,
  database: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: postgresUrl(address, database) });
  // A server that goes down tells each client; the query rejects too.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<T>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

interface PostgresOptions {
  /** Additional settings of postgresql.conf, e.g. `{ fsync: 'on' }`. */
  settings?: Record<string, string>;
}

/**
 * A PostgreSQL server for tests, on loopback. It ends with this process, in any case.
 */
export class PostgresServer implements PostgresAddress {
  readonly port: number;
  readonly #folder: GuardedFolder;
  readonly #settings: Record<string, string>;
  #process: ChildProcess | undefined;

  private constructor(folder: GuardedFolder, port: number, settings: Record<string, string>) {
    this.#folder = folder;
    this.port = port;
    this.#settings = settings;
  }

  /** Makes a new cluster and starts it: a second or two. */
  static async start({ settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
    const folder = new GuardedFolder('postgres');
    try {
      if (process.getuid?.() === 0) await run('chown', ['postgres:postgres', folder.path]);
      const passwordFile = join(folder.path, 'password');
      writeFileSync(passwordFile, PASSWORD, { mode: 0o644 });
      const [program = '', ...prefix] = asPostgres(postgresProgram('initdb'));
      const auth = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`];
      const words = ['-D', join(folder.path, 'data'), '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync', ...auth];
      await run(program, [...prefix, ...words], { cwd: '/' });
      const server = new PostgresServer(folder, await freePorts(1), settings);
      await server.#launch();
      return server;
    } catch (error) {
      await folder.dispose();
      throw error;
    }
  }

  get socketFolder(): string {
    return this.#folder.path;
  }

  url(database: string): string {
    return postgresUrl(this, database);
  }

  createDatabase(name?: string): Promise<string> {
    return createDatabase(this, name);
  }

  /** A connection of a test's own. */
  async session(database: string) {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: this.url(database) });
    await client.connect();
    return client;
  }

  /** Resolves when some session of the database waits for a lock. */
  async waitsForLock(database: string): Promise<void> {
    for (;;) {
      const sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      if ((await this.query(database, sql)).length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  query<T extends object>(database: string, sql: string, values?: readonly unknown[]): Promise<T[]> {
    return postgresQuery<T>(this, database, sql, values);
  }

  /**
   * Stops it and starts it again on the same port. `fast` ends sessions in order, `immediate` is a
   * crash with recovery.
   */
  async restart(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.halt(how);
    await this.resume();
  }

  /** Stops it; the data stays. */
  async halt(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    if (this.#process === undefined || this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  /** Starts it again after `halt`. */
  resume(): Promise<void> {
    return this.#launch();
  }

  /** Stops the server and removes its files. */
  stop(): Promise<void> {
    return this.#folder.dispose();
  }

  async #launch(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: this.#folder.path,
      max_connections: '200',
      fsync: 'off',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      shared_buffers: '64MB',
      autovacuum_naptime: '5s',
      log_min_messages: 'warning',
      ...this.#settings,
    };
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [program = '', ...prefix] = asPostgres(postgresProgram('postgres'));
    const logPath = join(this.#folder.path, 'run', 'log');
    const log = openSync(logPath, 'a', 0o644);
    const server = spawn(program, [...prefix, '-D', join(this.#folder.path, 'data'), '-p', String(this.port), ...words], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#process = server;
    if (server.pid === undefined) throw new Error(`${program} was not started`);
    this.#folder.record('postgres', server.pid, 'QUIT');
    for (const giveUpAt = Date.now() + START_MS; ; await sleep(30)) {
      if (await this.#answers()) return;
      if (server.exitCode !== null || Date.now() > giveUpAt)
        throw new Error(`PostgreSQL did not start:\n${readFileSync(logPath, 'utf8')}`);
    }
  }

  #answers(): Promise<boolean> {
    return postgresQuery(this, 'postgres', 'SELECT 1').then(
      () => true,
      () => false,
    );
  }
}

/**
 * PostgreSQL refuses to run as root. setpriv becomes the program, so that the pid is the server's.
 */
function asPostgres(program: string): string[] {
  if (process.getuid?.() !== 0) return [program];
  return [findProgram('setpriv'), '--reuid=postgres', '--regid=postgres', '--init-groups', program];
}

/** Debian keeps the server's programs outside of PATH, in one folder per version. */
function postgresProgram(name: string): string {
  const root = '/usr/lib/postgresql';
  let versions: string[] = [];
  try {
    versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  } catch {
    // Another system: look at PATH.
  }
  return findProgram(
    name,
    versions.map((version) => join(root, version, 'bin')),
  );
}
