import { randomBytes } from 'node:crypto';
import { newAborter } from '../model/aborter.ts';
import type { Fence } from '../model/fence.ts';
import { checkLockName, LOCK_NAMES, type Lock, type LockMode, type LockService } from './lock.ts';
import { lockKey } from './lock-key.ts';
import { type SessionOptions, WatchedSession } from './watched-session.ts';

/**
 * The advisory locks of one 64-bit key in this database. PostgreSQL shows the key in two halves,
 * and locks of other databases too.
 */
const OF_KEY = `l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = $1::bigint`;
const IS_HELD = `SELECT 1 FROM pg_locks l WHERE ${OF_KEY} AND l.mode = 'ExclusiveLock' LIMIT 1`;
const HOLDERS = `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE ${OF_KEY} AND l.pid <> pg_backend_pid() ORDER BY a.backend_start`;
const TAKE = {
  exclusive: 'SELECT pg_try_advisory_lock($1::bigint) AS done',
  shared: 'SELECT pg_try_advisory_lock_shared($1::bigint) AS done',
} as const;
const GIVE_BACK = {
  exclusive: 'SELECT pg_advisory_unlock($1::bigint) AS done',
  shared: 'SELECT pg_advisory_unlock_shared($1::bigint) AS done',
} as const;

interface AdvisoryLock {
  name: string;
  mode: LockMode;
  /** See {@link lockKey}. */
  key: bigint;
}

/**
 * Locks between hosts that share a PostgreSQL database: advisory locks of one session, which opens
 * on first use. All locks are lost with the session: {@link lost} tells, and operations that rely
 * on a lock MUST stop then.
 */
export class PostgresLockService implements LockService {
  /** Aborted with the error to end with, once held locks are lost. */
  readonly lost: AbortSignal;
  readonly #aborter = newAborter();
  readonly #options: SessionOptions;
  #opening: Promise<WatchedSession> | undefined;
  /** Locks of this session: PostgreSQL would grant it each of them twice. */
  readonly #held = new Map<string, { mode: LockMode; count: number }>();
  /**
   * Two sessions with the same key would not notice a loss of either: 64 random bits prevent that.
   */
  readonly #ownKey = randomBytes(8).readBigInt64LE();
  #operationsKey: bigint | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.lost = this.#aborter.signal;
  }

  async tryAcquire(name: string, mode: LockMode): Promise<Lock | undefined> {
    checkLockName(name);
    const key = await lockKey(name);
    const session = await this.#session();
    const ours = this.#held.get(name);
    if (ours !== undefined && (mode === 'exclusive' || ours.mode === 'exclusive')) return undefined;
    // Noted before the answer, so that a second call sees it.
    this.#note(name, mode, 1);
    let taken = false;
    try {
      const [row] = await session.query<{ done: boolean }>(TAKE[mode], [key]);
      taken = row?.done === true;
    } finally {
      if (!taken) this.#note(name, mode, -1);
    }
    return taken ? { release: () => this.#release(session, { name, mode, key }) } : undefined;
  }

  async isHeld(name: string): Promise<boolean> {
    checkLockName(name);
    const key = await lockKey(name);
    return (await (await this.#session()).query(IS_HELD, [key])).length > 0;
  }

  async holders(name: string): Promise<string[]> {
    const key = await lockKey(name);
    const rows = await (await this.#session()).query<{ name: string }>(HOLDERS, [key]);
    return rows.map((row) => (row.name === '' ? 'a program without a name' : row.name));
  }

  async confirm(): Promise<void> {
    if (this.#held.size > 0) await (await this.#session()).confirm();
  }

  /** For transactions that rely on the locks; undefined while none is held. */
  fence(): Fence | undefined {
    if (this.#held.size === 0) return undefined;
    const shares = this.#held.get(LOCK_NAMES.operations)?.mode === 'shared';
    return { share: shares ? this.#operationsKey : undefined, taken: this.#ownKey };
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const session = await opening?.catch(() => undefined);
    await session?.close();
  }

  async #release(session: WatchedSession, { name, mode, key }: AdvisoryLock): Promise<void> {
    this.#note(name, mode, -1);
    // A lost session has nothing to release.
    await session.query(GIVE_BACK[mode], [key]).catch(() => {});
  }

  #note(name: string, mode: LockMode, by: number): void {
    const count = (this.#held.get(name)?.count ?? 0) + by;
    if (count === 0) this.#held.delete(name);
    else this.#held.set(name, { mode, count });
  }

  #session(): Promise<WatchedSession> {
    this.#opening ??= WatchedSession.open(this.#options).then(async (session) => {
      this.#operationsKey = await lockKey(LOCK_NAMES.operations);
      await session.query(TAKE.exclusive, [this.#ownKey]);
      // Without locks, nothing is lost: the next statement fails then.
      session.lost.addEventListener('abort', () => {
        if (this.#held.size > 0) this.#aborter.abort(session.lost.reason);
      });
      return session;
    });
    return this.#opening;
  }
}
