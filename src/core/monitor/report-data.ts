import type { TaggedVersion } from '../../model/version.ts';
import type { CoverageRow } from '../reports/coverage.ts';
import type { DayActivity, NameActivity } from './activity.ts';
import type { Calendar } from './calendar.ts';
import type { FreedVersion } from './freed.ts';

export type NameState = 'ok' | 'warning' | 'critical' | 'unknown';

/** The state of the backups of one name. */
export interface NameStatus {
  name: string;
  state: NameState;
  newestUid: string | null;
  newestDate: Date | null;
  nextDue: Date | null;
  lastProblem: string | null;
  breaches: readonly string[];
}

/** Space of all versions at one time, in bytes. */
export interface SpaceRecord {
  date: Date;
  virtual: number;
  real: number;
  stored: number | null;
  versions: number;
  names: number;
  kinds: Record<string, number>;
}

/** A failed attempt that nothing has made up for. */
export interface RunProblem {
  kind: 'job' | 'step' | 'run';
  name: string;
  job: string;
  host: string;
  started: Date;
  succeeded: Date | null;
  failures: number;
  exitCode: number;
  problem: string | null;
}

/** Everything that the page shows. */
export interface ReportData {
  now: Date;
  host: string;
  /** When the last `run` on this host ended. */
  runEnded: Date | undefined;
  /** Sorted: worst first. */
  names: readonly NameStatus[];
  versions: readonly TaggedVersion[];
  calendar: Calendar;
  byDay: readonly DayActivity[];
  byName: readonly NameActivity[];
  /** Newest first. */
  problems: readonly RunProblem[];
  /** Undefined: left out, since it costs much. */
  coverage: readonly CoverageRow[] | undefined;
  /** Undefined: left out, since it costs much. */
  freed: readonly FreedVersion[] | undefined;
  /** Oldest first. */
  space: readonly SpaceRecord[];
}
