/** Backups that `run` makes by itself: a section `[job:KEY]` of backy.cfg. */
export interface Job {
  /** The text behind `job:`. */
  key: string;
  /** As for `backup`. `rbd://POOL/*` and other patterns stand for several images of a pool. */
  source: string;
  /** Names of its schedulers, not checked; undefined: `default_schedulers`. */
  schedulers: readonly string[] | undefined;
  /** Of the versions; undefined: {@link key}, or each image's name if the source is a pattern. */
  name: string | undefined;
  /** Shell commands around each backup. */
  before?: string | undefined;
  after?: string | undefined;
  /** Of each of the two. */
  hookTimeoutSeconds: number;
}

/**
 * Versions that the upkeep removes before it cleans up: expired ones, with `yes` also those beyond
 * `keep`. With `no` there are none, and it does not clean up either.
 */
export type Pruning = 'expired' | 'yes' | 'no';

/** Section `[run]` of backy.cfg. */
export interface RunSettings {
  /** Backups at the same time. */
  parallel: number;
  prune: Pruning;
  /** Percentage of the blobs that the upkeep verifies; undefined: none. */
  scrubPercent: number | undefined;
  /** Time from one upkeep to the next. */
  upkeepSeconds: number;
  /** A shell command that gets problems as JSON. */
  onProblem: string | undefined;
}

/** Jobs in backy.cfg. */
export interface JobSettings {
  /** In the order of the config. No two have the same {@link jobName}. */
  jobs: readonly Job[];
  /** Keys of sections with missing or wrong options, and a line that describes the problem. */
  brokenJobs: readonly { name: string; problem: string }[];
  run: RunSettings;
}

/** Section `[run]` without options. */
export const RUN_DEFAULTS: RunSettings = {
  parallel: 1,
  prune: 'expired',
  scrubPercent: undefined,
  upkeepSeconds: 86_400,
  onProblem: undefined,
};

/** Whether a job's source is a pattern for images of a Ceph pool. */
export function isPatternJob({ source }: Pick<Job, 'source'>): boolean {
  return source.startsWith('rbd://') && /[*?]/.test(source.slice(source.lastIndexOf('/')));
}

/** The name of a job's versions; undefined for a pattern, which has many. */
export function jobName(job: Pick<Job, 'key' | 'name' | 'source'>): string | undefined {
  return isPatternJob(job) ? undefined : (job.name ?? job.key);
}
