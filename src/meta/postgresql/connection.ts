import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from 'pg';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Fence } from '../../model/fence.ts';
import type { Layout } from '../../model/layout.ts';
import type { Exclusion, Play, QueryKey, SqlDatabase } from '../sql/database.ts';
import { SIDE_TABLES } from '../sql/schema.ts';
import { type Sql, sql } from '../sql/statement.ts';
import type { Steps } from '../sql/steps.ts';
import { isConflict, isLost, isStarting, toDatabaseError } from './database-errors.ts';
import { POSTGRES } from './dialect.ts';
import { labelOf, type ServerAddress } from './engine-url.ts';
import { lateralJoin } from './lateral-join.ts';
import { arrayOf } from './literals.ts';
import { withRetries } from './retry.ts';
import type { Session } from './session.ts';
import { SessionPool } from './session-pool.ts';
import { isBroken, transact, UnknownOutcome } from './transaction.ts';

const OUTCOME_PAUSE_MS = 200;
/** How long running statements may take once the session with the locks between hosts is lost. */
const LAST_ANSWERS_MS = 3_000;

/** How a connection is made. */
export interface ConnectionOptions {
  address: ServerAddress;
  logger: Logger;
  now: () => Date;
  /** Ends waits for a lost server early. */
  signal?: AbortSignal | undefined;
  /** The locks between hosts that are held at the moment, on which every transaction relies. */
  fence?: (() => Fence | undefined) | undefined;
}

/** How a transaction is made. */
interface WriteOptions {
  exclusion?: Exclusion;
  /** False: `body` can't run twice. A lost connection then ends it, with nothing changed. */
  retry?: boolean;
  /** False: our own tables are not needed, or do not exist yet. */
  sideTables?: boolean;
}

/**
 * A few sessions of one PostgreSQL server, used as one. Reads run at once; writes of this process
 * run one after the other. For up to two minutes, a lost connection is made again, and the
 * statement or transaction with it. A transaction whose COMMIT got no answer is run again only
 * after the server has said that it was not committed.
 */
export class PostgresConnection implements SqlDatabase {
  readonly label: string;
  readonly now: () => Date;
  readonly dialect = POSTGRES;
  /** Known once the store is open. */
  layout: Layout = 'classic';
  readonly #options: ConnectionOptions;
  readonly #pool: SessionPool;
  readonly #notice = { isLost: false };
  #wasConnected = false;
  #sideTables: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** Connects on first use. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.label = labelOf(options.address);
    this.now = options.now;
    this.#pool = new SessionPool(options.address, {
      onFewer: () =>
        options.logger.info(
          `The database ${this.label} allows no more connections at the moment: working with those that are open.`,
        ),
    });
    const { signal } = options;
    signal?.addEventListener('abort', () => {
      // The server may hang, and all that waits for it. Stopping on request cuts nothing off.
      if (!(signal.reason instanceof BackyError) || signal.reason.code !== 'lockLost') return;
      setTimeout(() => this.#pool.cut(), LAST_ANSWERS_MS).unref();
    });
  }

  query<T>(statement: Sql): Promise<T[]> {
    return this.#reading((session) => session.query<T>(statement));
  }

  queryOne<T>(statement: Sql): Promise<T> {
    return this.#reading((session) => session.queryOne<T>(statement));
  }

  /** See SqlDatabase.queryEach. */
  async queryEach<T>(keys: readonly QueryKey[], queryFor: (...key: Sql[]) => Sql): Promise<T[]> {
    return keys.length === 0 ? [] : this.query<T>(lateralJoin(keys, queryFor));
  }

  read<T>(steps: () => Steps<T>): Promise<T> {
    return this.#reading((session) => session.play(steps()));
  }

  transaction<T>(steps: () => Steps<T>, exclusion: Exclusion = 'none'): Promise<T> {
    return this.write((session) => session.play(steps()), { exclusion });
  }

  longTransaction<T>(exclusion: Exclusion, body: (play: Play) => Promise<T>): Promise<T> {
    return this.write((session) => body((steps) => session.play(steps)), { exclusion, retry: false });
  }

  translate(error: unknown): unknown {
    return toDatabaseError(this.label, error);
  }

  /**
   * Runs `body` in a transaction, after earlier writes of this process; durable on return. Runs
   * `body` again after a lost connection or a conflict: it MUST NOT have lasting effects outside of
   * the database.
   */
  async write<T>(body: (session: Session) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    const { exclusion = 'none', retry = true, sideTables = true } = options;
    if (sideTables) await this.makeSideTables();
    const once = () => this.#settled(() => this.#leased((session) => this.#transact(session, exclusion, body)));
    return this.#inTurn(() => (retry ? this.#retrying(once) : this.#onlyOnce(once)));
  }

  /**
   * See SqlDatabase.makeSideTables. Takes a lock: IF NOT EXISTS alone fails when two programs run
   * it at once.
   */
  makeSideTables(): Promise<void> {
    this.#sideTables ??= this.#sideTablesMade().catch((error: unknown) => {
      this.#sideTables = undefined;
      throw error;
    });
    return this.#sideTables;
  }

  /**
   * Runs `body` with a session of its own, e.g. for temporary tables. A lost connection ends it.
   */
  session<T>(body: (session: OwnSession) => Promise<T>): Promise<T> {
    return this.#onlyOnce(() =>
      this.#leased(
        (session) =>
          body({
            session,
            transact: (exclusion, inside) => this.#settled(() => this.#transact(session, exclusion, inside)),
          }),
        { isOwn: true },
      ),
    );
  }

  /** Waits for running writes, then leaves the server. */
  async close(): Promise<void> {
    await this.#turn;
    await this.#pool.close();
  }

  #reading<T>(body: (session: Session) => Promise<T>): Promise<T> {
    return this.#retrying(() => this.#leased(body));
  }

  async #leased<T>(body: (session: Session) => Promise<T>, options: { isOwn?: boolean } = {}): Promise<T> {
    const { session, release } = await this.#pool.lease(options);
    this.#wasConnected = true;
    let broken = true;
    try {
      const result = await body(session);
      broken = false;
      return result;
    } catch (error) {
      broken = isBroken(error);
      throw error;
    } finally {
      release(broken);
    }
  }

  /**
   * Retries what can succeed later. Before the first connection, only a starting server is worth a
   * wait: an unreachable one may be a mistake in the config file.
   */
  #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const isWorthRetry = (error: unknown) => isConflict(error) || isStarting(error) || (this.#wasConnected && isLost(error));
    const { logger, signal } = this.#options;
    return withRetries(attempt, { label: this.label, logger, signal, notice: this.#notice, isWorthRetry });
  }

  async #onlyOnce<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (!this.#wasConnected || !(isLost(error) || isConflict(error))) throw error;
      throw new BackyError('database', `The connection to the database ${this.label} was lost. Nothing was changed.`, {
        hint: 'Run the command again: it begins from the start.',
        cause: error,
      });
    }
  }

  /**
   * The result of a transaction. Asks the server for its outcome if the connection was lost during
   * the COMMIT.
   */
  async #settled<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      if (await this.#isCommitted(error.xid)) return error.result as T;
      throw error.cause;
    }
  }

  async #isCommitted(xid: string): Promise<boolean> {
    for (;;) {
      const status = await this.#statusOf(xid);
      if (status === 'committed') return true;
      if (status === 'aborted') return false;
      if (status === null)
        throw new BackyError(
          'database',
          `The connection to the database ${this.label} was lost during a commit, and the server no longer knows its outcome.`,
          {
            hint: 'Look with "backy2 ls" whether the change was made.',
          },
        );
      // The server has not noticed the lost connection yet.
      await sleep(OUTCOME_PAUSE_MS, undefined, { signal: this.#options.signal });
    }
  }

  async #statusOf(xid: string): Promise<string | null> {
    try {
      return (await this.queryOne<{ status: string | null }>(sql`SELECT txid_status(${xid}::bigint) AS status`)).status;
    } catch (error) {
      // "In the future": a standby took over that never received it.
      if (error instanceof DatabaseError && error.code === '22023') return 'aborted';
      throw error;
    }
  }

  async #sideTablesMade(): Promise<void> {
    const names = arrayOf(Object.keys(SIDE_TABLES));
    const { there } = await this.queryOne<{ there: boolean }>(
      sql`SELECT bool_and(to_regclass(name) IS NOT NULL) AS there FROM unnest(${names}::text[]) AS side(name)`,
    );
    if (there) return;
    await this.#retrying(() =>
      this.#settled(() =>
        this.#leased((session) =>
          this.#transact(session, 'schema', (inside) => inside.script(Object.values(SIDE_TABLES).join(';\n'))),
        ),
      ),
    );
  }

  #transact<T>(session: Session, exclusion: Exclusion, body: (session: Session) => Promise<T>): Promise<T> {
    const onWaiting = () => this.#options.logger.info(`Waiting for another program that works on the database ${this.label}.`);
    return transact(session, { exclusion, fence: this.#options.fence?.(), onWaiting }, body);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

/** A session on loan for several transactions. */
interface OwnSession {
  session: Session;
  /** Runs `body` in a transaction of this session. Our own tables MUST be there already. */
  transact<T>(exclusion: Exclusion, body: (session: Session) => Promise<T>): Promise<T>;
}
