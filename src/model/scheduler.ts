/** A rule of how often an image is backed up: a section of backy.cfg. */
export interface Scheduler {
  name: string;
  /** Seconds from one backup to the next. */
  intervalSeconds: number;
  /** How many backups there are to be; 0: none is ever due. */
  keep: number;
  /** Seconds that a backup may be early or late. */
  slaSeconds: number;
}
