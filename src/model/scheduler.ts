/** How often an image is backed up: a section of backy.cfg. */
export interface Scheduler {
  name: string;
  /** Seconds from one backup to the next. */
  intervalSeconds: number;
  /** Number of backups to keep; 0: none is ever due. */
  keep: number;
  /** Seconds that a backup may be early or late. */
  slaSeconds: number;
  /** Names that it expects even if they have no version. */
  names?: readonly string[] | undefined;
}

/** Schedulers in backy.cfg. */
export interface SchedulerSettings {
  schedulers: readonly Scheduler[];
  /** Sections with missing or wrong options, and a line that describes the problem. */
  brokenSchedulers: readonly { name: string; problem: string }[];
  /** Schedulers of `due` without `-s`. */
  defaultSchedulers: readonly string[];
  /** Schedulers of `sla` without `-s`. */
  slaSchedulers: readonly string[];
  /** Whether `sla` measures a name younger than `keep` intervals by its age. */
  slaNewNamesByAge: boolean;
}
