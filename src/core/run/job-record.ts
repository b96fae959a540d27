import type { RunKey, RunRecord } from '../../model/run-record.ts';

/** The problem of an attempt whose process ended without a word. */
const DIED = 'Its process ended before it could record how it went: it was killed, or the host went down.';

/** Who begins an attempt, and when. */
export interface Attempt extends RunKey {
  job: string;
  host: string;
  now: Date;
}

/** The record of an attempt that begins. */
export function begun(before: RunRecord | undefined, { kind, name, job, host, now }: Attempt): RunRecord {
  const known = before === undefined ? undefined : settled(before);
  return {
    ...{ kind, name, job, host, started: now, ended: null, succeeded: known?.succeeded ?? null },
    ...{ failures: known?.failures ?? 0, exitCode: known?.exitCode ?? 0, problem: known?.problem ?? null },
    ...{ reported: known?.reported ?? null, hook: known?.hook ?? null },
  };
}

/** The record of an attempt that has ended. */
export function finished(record: RunRecord, end: { exitCode: number; problem: string | null }, now: Date): RunRecord {
  const { exitCode, problem } = end;
  if (problem === null && exitCode === 0) return { ...record, ended: now, succeeded: now, failures: 0, exitCode, problem };
  const message = problem ?? `It failed with exit code ${exitCode}.`;
  return { ...record, ended: now, failures: record.failures + 1, exitCode, problem: message };
}

/** The record of an attempt that the user stopped: no failure, and due as before. */
export function interrupted(record: RunRecord, now: Date): RunRecord {
  return { ...record, ended: now };
}

/** A record of which nobody works any more. One without an end becomes a failure. */
export function settled(record: RunRecord): RunRecord {
  if (record.ended !== null) return record;
  return { ...record, ended: record.started, failures: record.failures + 1, exitCode: 100, problem: DIED };
}
