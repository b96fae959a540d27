import { createRequire } from 'node:module';
import { fromStoredDate } from '../../model/dates.ts';
import type { NameMemory } from '../name-store.ts';
import { sql } from './statement.ts';
import { rowOf, rowsOf, run, type Steps } from './steps.ts';

/** Loaded on first use: it would slow the start of commands that need no key. */
let crypto: typeof import('node:crypto') | undefined;

/** The key of a name. PostgreSQL can't index a name of any length. */
export function nameKey(name: string): string {
  crypto ??= createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto');
  return crypto.createHash('sha256').update(name).digest('hex');
}

/** Remembers a name that has versions, since the oldest of them. */
export function* rememberName(name: string, now: Date): Steps<void> {
  const key = nameKey(name);
  if ((yield* rowsOf(sql`SELECT 1 AS one FROM backy2_names WHERE hash = ${key}`)).length > 0) return;
  const { first } = yield* rowOf<{ first: string | null }>(sql`SELECT min(date) AS first FROM versions WHERE name = ${name}`);
  const oldest = first === null ? Number.NaN : fromStoredDate(first).getTime();
  const since = Math.floor((Number.isNaN(oldest) ? now.getTime() : oldest) / 1000);
  yield* run(sql`INSERT INTO backy2_names (hash, name, since) VALUES (${key}, ${name}, ${since}) ON CONFLICT (hash) DO NOTHING`);
}

/** Applies what the removal of a version means for its name. The version is still there. */
export function* nameOfRemoved(uid: string, memory: NameMemory, now: Date): Steps<void> {
  const [version] = yield* rowsOf<{ name: string }>(sql`SELECT name FROM versions WHERE uid = ${uid}`);
  if (version === undefined) return;
  const { name } = version;
  if (memory === 'keep') return yield* rememberName(name, now);
  const others = yield* rowsOf(sql`SELECT 1 AS one FROM versions WHERE name = ${name} AND uid <> ${uid} LIMIT 1`);
  if (others.length === 0) yield* run(sql`DELETE FROM backy2_names WHERE hash = ${nameKey(name)}`);
}
