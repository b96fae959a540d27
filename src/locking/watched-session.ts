import type pg from 'pg';
import { BackyError, messageOf } from '../errors.ts';
import { newAborter } from '../model/aborter.ts';
import { cutConnection } from '../native/cut-connection.ts';

/** How a session is opened and watched. */
export interface SessionOptions {
  /**
   * Opens a connection with TCP keepalives and an application_name for other users to see. Rejects
   * with a BackyError.
   */
  connect(): Promise<pg.Client>;
  /** The server in error messages, without secrets. */
  where: string;
  /** Time between two checks of the session [5 s]. */
  watchEveryMs?: number | undefined;
  /** Limit for any answer [15 s]. After that, the session counts as lost. */
  answerWithinMs?: number | undefined;
}

/**
 * Makes the server notice a lost host within half a minute; its default is two hours. The locks of
 * that host stay until then.
 */
const KEEPALIVES = `SELECT set_config(s.name, v.value, false)
  FROM (VALUES ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '4'),
    ('idle_session_timeout', '0'), ('statement_timeout', '0')) AS v (name, value) JOIN pg_settings s ON s.name = v.name`;

/**
 * One session of a PostgreSQL server that must not end unnoticed, since its locks end with it. It
 * never reconnects: a second session would hold none of the locks.
 */
export class WatchedSession {
  /**
   * Aborted, with the BackyError to end with, once the session is lost. {@link close} does not
   * abort it.
   */
  readonly lost: AbortSignal;
  readonly #aborter = newAborter();
  readonly #client: pg.Client;
  readonly #options: SessionOptions;
  #timer: NodeJS.Timeout | undefined;
  #serverPid = 0;
  #closed = false;

  private constructor(client: pg.Client, options: SessionOptions) {
    this.lost = this.#aborter.signal;
    this.#options = options;
    this.#client = client;
    this.#client.on('error', (error) => this.#lose(error));
    this.#client.on('end', () => this.#lose(new Error('the server ended it')));
  }

  /** Connects. @throws BackyError when the server is unreachable or refuses. */
  static async open(options: SessionOptions): Promise<WatchedSession> {
    const session = new WatchedSession(await options.connect(), options);
    await session.query(KEEPALIVES);
    session.#serverPid = await session.#askPid();
    session.#watch();
    return session;
  }

  /** Runs a statement. A missing answer or any failure means that the session is lost. */
  async query<T extends pg.QueryResultRow>(text: string, values: readonly (string | bigint)[] = []): Promise<T[]> {
    this.lost.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${this.#limitMs / 1000} s`)), this.#limitMs);
    });
    try {
      const { rows } = await Promise.race([this.#client.query<T>(text, values.map(String)), late]);
      return rows;
    } catch (error) {
      this.#lose(error);
      this.lost.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks the server, and rejects with the reason when the session is lost. */
  async confirm(): Promise<void> {
    const pid = await this.#askPid();
    // A pooler hands each statement to another session.
    if (pid !== this.#serverPid) this.#lose(new Error('a connection pooler changed the session under it'), POOLER_HINT);
    this.lost.throwIfAborted();
  }

  /** Ends the session, and its locks. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.lost.aborted) return this.#drop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 2_000);
    });
    await Promise.race([this.#client.end().catch(() => {}), late]);
    clearTimeout(timer);
    this.#drop();
  }

  get #limitMs(): number {
    return this.#options.answerWithinMs ?? 15_000;
  }

  async #askPid(): Promise<number> {
    const [row] = await this.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return row?.pid ?? 0;
  }

  /** One check at a time: a slow answer delays the next one. */
  #watch(): void {
    this.#timer = setTimeout(async () => {
      await this.confirm().catch(() => {});
      if (!this.#closed && !this.lost.aborted) this.#watch();
    }, this.#options.watchEveryMs ?? 5_000);
    this.#timer.unref();
  }

  #lose(cause: unknown, hint = LOST_HINT): void {
    if (this.#closed || this.lost.aborted) return;
    const text = `The session with ${this.#options.where} that holds the locks between hosts was lost: ${messageOf(cause)}`;
    this.#aborter.abort(new BackyError('lockLost', text, { hint, cause }));
    this.#drop();
  }

  /** Ends the connection at once: a server that still has it releases the locks then. */
  #drop(): void {
    clearTimeout(this.#timer);
    cutConnection(this.#client);
  }
}

const LOST_HINT = 'Another host may have worked on the same data since, so this stopped. Look why the connection ended.';
const POOLER_HINT =
  'Give the engine URL of the server itself, or a pooler that keeps sessions (pool_mode = session): locks need one.';
