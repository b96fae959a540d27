import type { TaggedVersion } from '../../model/version.ts';
import type { Breach } from '../reports/sla.ts';
import type { Problem, State } from './state.ts';

/** How the backups of one name are. */
export interface NameStatus {
  name: string;
  state: State;
  /** Keys of the jobs that back it up. */
  jobs: readonly string[];
  /** Names of the schedulers that it is judged by. */
  schedulers: readonly string[];
  /** Versions of it, the invalid ones included. */
  versions: number;
  /** Versions that are not valid: unfinished, running, or damaged. */
  invalid: number;
  /** Versions that were complete and are not valid any more, oldest first. */
  damaged: readonly string[];
  /** Blocks of the newest of these that are known to be bad. */
  badBlocks: number;
  /** The newest valid version, if possible one that is not dated in the future. */
  newest: TaggedVersion | undefined;
  /** Seconds since {@link newest} was begun; never below 0. */
  ageSeconds: number | null;
  /** When the next backup is due; in the past if it is due now. Null: no scheduler wants one. */
  nextDue: Date | null;
  /** From then on the newest backup is too old for a scheduler. Null: for none. */
  deadline: Date | null;
  /** The last attempt failed, or did not finish. Null: it went well, or runs. */
  lastProblem: FailedAttempt | null;
  breaches: readonly Breach[];
  /** Worst first. */
  problems: readonly Problem[];
}

/** A backup that failed, with none that went well after it. */
export interface FailedAttempt {
  date: Date;
  /** One line. */
  text: string;
  /** Failures since the last backup that went well. */
  failures: number;
}
