/**
 * Kinds of records:
 * - `job`: backups of one name of versions
 * - `step`: a step of the upkeep: `prune`, `cleanup`, `scrub`, `sla` or `space`
 * - `run`: the last whole run on any host; its name is `run`
 */
export type RunKind = 'job' | 'step' | 'run';

/** Identifies a record. */
export interface RunKey {
  kind: RunKind;
  /** Of the versions, of the step, or `run`. */
  name: string;
}

/** The last attempt at something that `run` does. Dates are exact to the second. */
export interface RunRecord extends RunKey {
  /** The key of the job; empty for steps and runs. */
  job: string;
  host: string;
  started: Date;
  /** Null: it runs, or its process died. */
  ended: Date | null;
  /** The end of the last one that went well. */
  succeeded: Date | null;
  /** Failures since then. */
  failures: number;
  exitCode: number;
  /** Null: the last attempt went well. */
  problem: string | null;
  /** When `on_problem` last got the problem; null: never. */
  reported: Date | null;
  /** `before` was begun, and `after` has not ended: the next attempt runs `after` first. */
  hook: 'before' | null;
}

/** Space of all versions at one time, in bytes. */
export interface SpaceRecord {
  /** Exact to the second. */
  date: Date;
  /** Sum of the images' sizes. */
  virtual: number;
  /** Without sparse blocks, each version by itself. */
  real: number;
  /** In the data backend; null: not known. */
  stored: number | null;
  versions: number;
  /** Number of different names of versions. */
  names: number;
  /** Bytes by kind, as `du` tells them. */
  kinds: Record<string, number>;
  /** Undefined: it was not measured. */
  verification?: Verification;
}

/** How many blobs were verified until then. */
export interface Verification {
  /** Blobs that versions name. */
  blobs: number;
  /** Found bad by their last verification. */
  bad: number;
  never: number;
  /** Verified within each of these periods, the shortest first. */
  verified: { days: number; blobs: number }[];
}
