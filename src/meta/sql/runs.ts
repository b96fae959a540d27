import type { RunKey, RunKind, RunRecord, SpaceRecord } from '../../model/run-record.ts';
import { DAILY_SPACE_DAYS } from '../run-store.ts';
import type { SqlDatabase } from './database.ts';
import { nameKey } from './name-steps.ts';
import { sql } from './statement.ts';
import { run } from './steps.ts';

/** A row of table backy2_runs as a driver gives it. */
interface RunRow {
  kind: RunKind;
  name: string;
  job: string;
  host: string;
  started: number;
  ended: number | null;
  succeeded: number | null;
  failures: number;
  exit_code: number;
  problem: string | null;
  reported: number | null;
  hook: 'before' | null;
}

const DAY_SECONDS = 86_400;

const COLUMNS = sql`kind, name, job, host, started, ended, succeeded, failures, exit_code, problem, reported, hook`;

/** See RunStore.runRecords. Makes no table: a host that only reads may not. */
export async function runRecords(db: SqlDatabase): Promise<RunRecord[]> {
  if (!(await isThere(db, 'backy2_runs'))) return [];
  return (await db.query<RunRow>(sql`SELECT ${COLUMNS} FROM backy2_runs`)).map(toRecord);
}

/** See RunStore.findRunRecord. */
export async function findRunRecord(db: SqlDatabase, { kind, name }: RunKey): Promise<RunRecord | undefined> {
  if (!(await isThere(db, 'backy2_runs'))) return undefined;
  const [row] = await db.query<RunRow>(sql`SELECT ${COLUMNS} FROM backy2_runs WHERE kind = ${kind} AND hash = ${nameKey(name)}`);
  return row === undefined ? undefined : toRecord(row);
}

function toRecord({ exit_code: exitCode, ...row }: RunRow): RunRecord {
  return {
    ...{ ...row, exitCode, started: toDate(row.started) },
    ...{ ended: dateOf(row.ended), succeeded: dateOf(row.succeeded), reported: dateOf(row.reported) },
  };
}

/** See RunStore.putRunRecord. */
export async function putRunRecord(db: SqlDatabase, record: RunRecord): Promise<void> {
  const { kind, name, job, host, failures, exitCode, problem, hook } = record;
  await db.transaction(() =>
    run(
      sql`INSERT INTO backy2_runs (kind, hash, name, job, host, started, ended, succeeded, failures, exit_code, problem, reported, hook)
        VALUES (${kind}, ${nameKey(name)}, ${storable(name)}, ${storable(job)}, ${storable(host)}, ${toSeconds(record.started)},
          ${secondsOf(record.ended)}, ${secondsOf(record.succeeded)}, ${failures}, ${exitCode},
          ${problem === null ? null : storable(problem)}, ${secondsOf(record.reported)}, ${hook})
        ON CONFLICT (kind, hash) DO UPDATE SET job = excluded.job, host = excluded.host, started = excluded.started,
          ended = excluded.ended, succeeded = excluded.succeeded, failures = excluded.failures,
          exit_code = excluded.exit_code, problem = excluded.problem, hook = excluded.hook`,
    ),
  );
}

/** See RunStore.setReported. */
export async function setReported(db: SqlDatabase, keys: readonly RunKey[], reported: Date | null): Promise<void> {
  await db.transaction(function* () {
    for (const { kind, name } of keys)
      yield* run(sql`UPDATE backy2_runs SET reported = ${secondsOf(reported)} WHERE kind = ${kind} AND hash = ${nameKey(name)}`);
  });
}

/** See RunStore.forgetRunRecords. */
export async function forgetRunRecords(db: SqlDatabase, keys: readonly RunKey[]): Promise<void> {
  await db.transaction(function* () {
    for (const { kind, name } of keys) yield* run(sql`DELETE FROM backy2_runs WHERE kind = ${kind} AND hash = ${nameKey(name)}`);
  });
}

/** See RunStore.spaceHistory. */
export async function spaceHistory(db: SqlDatabase): Promise<SpaceRecord[]> {
  if (!(await isThere(db, 'backy2_space'))) return [];
  const rows = await db.query<{ date: number; sizes: string }>(sql`SELECT date, sizes FROM backy2_space ORDER BY date`);
  return rows.map(({ date, sizes }) => ({ ...(JSON.parse(sizes) as Omit<SpaceRecord, 'date'>), date: toDate(date) }));
}

/** See RunStore.addSpace. */
export async function addSpace(db: SqlDatabase, { date, ...sizes }: SpaceRecord): Promise<void> {
  const seconds = toSeconds(date);
  const daily = seconds - DAILY_SPACE_DAYS * DAY_SECONDS;
  await db.transaction(function* () {
    yield* run(
      sql`INSERT INTO backy2_space (date, sizes) VALUES (${seconds}, ${JSON.stringify(sizes)})
        ON CONFLICT (date) DO UPDATE SET sizes = excluded.sizes`,
    );
    // Weeks have negative numbers, so that none is the number of a day. Written out: SQLite would
    // divide by a parameter with a fraction.
    yield* run(
      sql`DELETE FROM backy2_space WHERE date NOT IN (SELECT max(date) FROM backy2_space
        GROUP BY CASE WHEN date <= ${daily} THEN -1 - date / 604800 ELSE date / 86400 END)`,
    );
  });
}

function toDate(seconds: number): Date {
  return new Date(seconds * 1000);
}

function dateOf(seconds: number | null): Date | null {
  return seconds === null ? null : toDate(seconds);
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function secondsOf(date: Date | null): number | null {
  return date === null ? null : toSeconds(date);
}

/** PostgreSQL takes no NUL, and neither engine half a surrogate pair. */
function storable(text: string): string {
  return Buffer.from(text).toString().replaceAll('\0', '\ufffd');
}

async function isThere(db: SqlDatabase, table: string): Promise<boolean> {
  return (await db.query(db.dialect.hasTable(table))).length > 0;
}
