import type { JobOutcome, StepOutcome } from '../../core/run/executor.ts';
import type { OwnResult } from './own-processes.ts';

/** How a process of `job` ended, by its JSON document. */
export function jobOutcome(result: OwnResult): JobOutcome {
  const { exitCode, document } = result;
  const row: unknown = Array.isArray(document) ? document[0] : undefined;
  const isOwn = isRecord(row) && isState(row.state);
  if (!isOwn) return { state: 'failed', uid: null, bytesRead: null, bytesWritten: null, exitCode, problem: problemOf(result) };
  return {
    state: row.state as JobOutcome['state'],
    uid: typeof row.uid === 'string' ? row.uid : null,
    bytesRead: numberIn(row.bytes_read),
    bytesWritten: numberIn(row.bytes_written),
    exitCode,
    problem: exitCode === 0 ? null : typeof row.problem === 'string' ? row.problem : problemOf(result),
  };
}

/** How a process of a step of the upkeep ended. */
export function stepOutcome(result: OwnResult): StepOutcome {
  return { exitCode: result.exitCode, problem: result.exitCode === 0 ? null : problemOf(result) };
}

/** How `sla` ended: breaches are a problem, but no failure. */
export function slaOutcome(result: OwnResult): StepOutcome {
  const { document, exitCode } = result;
  if (exitCode !== 0 || !Array.isArray(document)) return stepOutcome(result);
  const lines = document.filter(isRecord).map(({ name, breach }) => `${String(name)}: ${String(breach)}`);
  if (lines.length === 0) return { exitCode: 0, problem: null };
  return {
    exitCode: 0,
    problem: lines.length === 1 ? 'There is 1 SLA breach.' : `There are ${lines.length} SLA breaches.`,
    lines,
  };
}

/** One line about a failure: that of the error, else what it logged. */
function problemOf({ document, errors, exitCode, isOrderly }: OwnResult): string {
  if (!isOrderly) return `Its process was killed (exit code ${exitCode}).`;
  const error = isRecord(document) && isRecord(document.error) ? document.error : {};
  const said = [error.message, error.hint].filter((text) => typeof text === 'string').join(' ');
  return said || errors.join(' ').slice(0, 2_000) || `It failed with exit code ${exitCode}.`;
}

function isState(value: unknown): boolean {
  return ['done', 'failed', 'busy', 'not due'].includes(String(value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberIn(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
