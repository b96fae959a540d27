import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolClient } from 'pg';
import { cutConnection } from '../../native/cut-connection.ts';
import { isFull } from './database-errors.ts';
import type { ServerAddress } from './engine-url.ts';
import { PgClient } from './pg-client.ts';
import { Session, TYPES } from './session.ts';
import { SessionLimit } from './session-limit.ts';
import { connectInAnyWay, type Encryption } from './tls.ts';

/** One that writes, and a few that read at the same time: hosts share max_connections. */
const MOST_SESSIONS = 4;
const CONNECT_TIMEOUT_MS = 10_000;
/** A lost peer is noticed after this and ten probes, a second each. */
const KEEP_ALIVE_AFTER_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
/** A server that does not answer does not answer to a goodbye either. */
const CLOSE_LIMIT_MS = 5_000;

/** Each session starts with these: times are UTC, and we limit long statements and pauses. */
const SETTINGS = `SET TIME ZONE 'UTC'; SET datestyle = 'ISO, YMD'; SET statement_timeout = 0; SET lock_timeout = 0;
  SET idle_in_transaction_session_timeout = 0; SET jit = off`;

/** A session on loan. */
interface Lease {
  session: Session;
  /** Returns it; `broken`: it can't be used again. */
  release(broken: boolean): void;
}

interface PoolOptions {
  /** For connecting [10 s, or that of the engine URL]. */
  connectTimeoutMs?: number;
  /** Called once, when the server allows fewer sessions than wanted. */
  onFewer?(): void;
}

/** How a session is borrowed. */
interface LeaseOptions {
  /**
   * Beside the others: its user may wait for another session. Never waits for one. [false]
   */
  isOwn?: boolean;
}

/** A few sessions of one server. */
export class SessionPool {
  readonly #address: ServerAddress;
  readonly #connectTimeoutMs: number | undefined;
  readonly #ready = new WeakSet<PoolClient>();
  readonly #onLoan = new Set<PoolClient>();
  #pool: Promise<pg.Pool> | undefined;
  /** The pool, once it is connected. */
  #current: pg.Pool | undefined;
  #isCut = false;

  readonly #limit: SessionLimit;

  /** Connects on first use. */
  constructor(address: ServerAddress, { connectTimeoutMs, onFewer = () => {} }: PoolOptions = {}) {
    this.#address = address;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#limit = new SessionLimit({ most: MOST_SESSIONS, isFull, hasIdle: () => (this.#current?.idleCount ?? 0) > 0, onFewer });
  }

  /**
   * Borrows a session; waits for one when all are in use. Rejects with the error of the driver or
   * the server.
   */
  async lease({ isOwn = false }: LeaseOptions = {}): Promise<Lease> {
    if (isOwn) return this.#lend();
    const { session, release } = await this.#limit.enter(() => this.#lend());
    return {
      session,
      release: (broken) => {
        release(broken);
        this.#limit.leave();
      },
    };
  }

  async #lend(): Promise<Lease> {
    if (this.#isCut) throw cutError();
    const client = await (await this.#opened()).connect();
    try {
      // The pool may have been cut during the wait.
      if (this.#isCut) throw cutError();
      if (!this.#ready.has(client)) await client.query(SETTINGS);
      this.#ready.add(client);
    } catch (error) {
      client.release(true);
      throw error;
    }
    this.#onLoan.add(client);
    const release = (broken: boolean) => {
      this.#onLoan.delete(client);
      client.release(broken);
    };
    return { session: new Session(client), release };
  }

  /**
   * Cuts all borrowed sessions, for servers that do not answer, and lends no more: statements
   * reject from then on.
   */
  cut(): void {
    this.#isCut = true;
    for (const client of this.#onLoan) cutConnection(client);
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    if (pool === undefined) return;
    const ended = pool.then(
      (opened) => opened.end(),
      () => {},
    );
    await Promise.race([ended, sleep(CLOSE_LIMIT_MS, undefined, { ref: false })]);
  }

  #opened(): Promise<pg.Pool> {
    if (this.#pool === undefined) {
      const opening = this.#open();
      this.#pool = opening;
      // Another attempt may succeed.
      opening.catch(() => {
        if (this.#pool === opening) this.#pool = undefined;
      });
    }
    return this.#pool;
  }

  #open(): Promise<pg.Pool> {
    return connectInAnyWay(this.#address, async (encryption) => {
      const pool = newPool(this.#address, encryption, this.#connectTimeoutMs);
      try {
        (await pool.connect()).release();
        this.#current = pool;
        return pool;
      } catch (error) {
        await pool.end();
        throw error;
      }
    });
  }
}

function cutError(): Error {
  return new Error('the sessions with the server were cut');
}

/** The options of the driver for a connection to the server. */
export function clientConfig(address: ServerAddress, encryption: Encryption, connectTimeoutMs?: number): pg.ClientConfig {
  const { host, port, database, user, password, options } = address;
  const seconds = Number(options.get('connect_timeout') ?? 0);
  return {
    ...{ host, port, database, user, ssl: encryption, types: TYPES },
    ...(password !== undefined && { password }),
    ...(options.has('options') && { options: options.get('options') }),
    application_name: options.get('application_name') ?? 'backy2',
    connectionTimeoutMillis: connectTimeoutMs ?? (seconds > 0 ? seconds * 1000 : CONNECT_TIMEOUT_MS),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  };
}

function newPool(address: ServerAddress, encryption: Encryption, connectTimeoutMs: number | undefined): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(address, encryption, connectTimeoutMs),
    Client: PgClient,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // One more: an own session is beside the others.
    max: MOST_SESSIONS + 1,
    allowExitOnIdle: true,
  });
  // The loss of an idle session does not matter; one in use tells its user.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
