import { isFromFuture } from '../../model/clock.ts';
import type { RunRecord } from '../../model/run-record.ts';
import { plusSeconds } from '../reports/schedulers.ts';
import type { Problem, ProblemReport } from './executor.ts';

/** A problem that lasts is reported again after this time. Upkeeps come as often. */
const AGAIN_SECONDS = 23 * 3600;

/**
 * Problems to report now: new ones, those that were reported about a day ago, and those that are
 * over. @param lines more about steps of this run, by name.
 */
export function reportOf(
  records: readonly RunRecord[],
  { now, lines }: { now: Date; lines: ReadonlyMap<string, readonly string[]> },
): ProblemReport {
  const problems = records.filter((record) => record.kind !== 'run' && isProblem(record) && isDue(record, now));
  const resolved = records.filter((record) => record.kind !== 'run' && record.reported !== null && isOver(record));
  return {
    problems: problems.map((record) => toProblem(record, lines)),
    resolved: resolved.map(({ kind, name, job }) => ({ kind: kind as Problem['kind'], name, job })),
  };
}

function isProblem({ failures, problem, ended }: RunRecord): boolean {
  return failures > 0 && problem !== null && ended !== null;
}

/** An attempt that runs again decides nothing yet. */
function isOver({ failures, ended }: RunRecord): boolean {
  return failures === 0 && ended !== null;
}

function isDue({ reported }: RunRecord, now: Date): boolean {
  return reported === null || isFromFuture(reported, now) || plusSeconds(reported, AGAIN_SECONDS) <= now;
}

function toProblem(record: RunRecord, lines: ReadonlyMap<string, readonly string[]>): Problem {
  const { kind, name, job, exitCode, problem, started, succeeded, failures } = record;
  return {
    ...{ kind: kind as Problem['kind'], name, job, exitCode, message: problem ?? '', failures },
    lines: kind === 'step' ? (lines.get(name) ?? []) : [],
    since: succeeded ?? started,
  };
}
