import type pg from 'pg';
import { BackyError, messageOf } from '../errors.ts';
import { cutConnection } from '../native/cut-connection.ts';

/** How a session is opened and watched. */
export interface SessionOptions {
  /**
   * Connects anew, with TCP keepalives, and an application_name that says who this is. Rejects with
   * a BackyError.
   */
  connect(): Promise<pg.Client>;
  /** Where that leads, for error texts, without secrets. */
  where: string;
  /** Between two looks at whether the session is there; 5 s when absent. */
  watchEveryMs?: number | undefined;
  /**
   * How long any answer may take; 15 s when absent. Longer than that, the session counts as lost.
   */
  answerWithinMs?: number | undefined;
}

/**
 * Has the server find out within half a minute that a host is gone, where its own default is two
 * hours: until then that host's locks stay.
 */
const KEEPALIVES = `SELECT set_config(s.name, v.value, false)
  FROM (VALUES ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '4'),
    ('idle_session_timeout', '0'), ('statement_timeout', '0')) AS v (name, value) JOIN pg_settings s ON s.name = v.name`;

/**
 * One session of a PostgreSQL server that must not end unnoticed, since what it holds ends with it.
 * It never connects anew: a second session would hold nothing of what the first did.
 */
export class WatchedSession {
  /** Aborted, with the BackyError to end with, once the session is lost. Not by {@link close}. */
  readonly lost: AbortSignal;
  readonly #aborter = new AbortController();
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

  /** Connects. @throws BackyError when the server can't be reached or refuses. */
  static async open(options: SessionOptions): Promise<WatchedSession> {
    const session = new WatchedSession(await options.connect(), options);
    await session.query(KEEPALIVES);
    session.#serverPid = await session.#askPid();
    session.#watch();
    return session;
  }

  /**
   * Runs a statement. An answer that does not come, or any failure, means that the session is lost.
   */
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

  /** Rejects with the reason when the session is lost; asks the server. */
  async confirm(): Promise<void> {
    const pid = await this.#askPid();
    // A pooler between us and the server that hands each statement to another session.
    if (pid !== this.#serverPid) this.#lose(new Error('a connection pooler changed the session under it'), POOLER_HINT);
    this.lost.throwIfAborted();
  }

  /** Ends the session, and what it holds. */
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

  /** One look at a time: a slow answer puts the next one off. */
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

  /** Ends the connection at once: a server that still has it lets go of the locks then. */
  #drop(): void {
    clearTimeout(this.#timer);
    cutConnection(this.#client);
  }
}

const LOST_HINT = 'Another host may have worked on the same data since, so this stopped. Look why the connection ended.';
const POOLER_HINT =
  'Give the engine URL of the server itself, or a pooler that keeps sessions (pool_mode = session): locks need one.';
