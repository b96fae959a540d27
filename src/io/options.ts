/** Upper limits of one kind of source or target, over all workers together. */
export interface IoLimits {
  /** Reads in flight at once, 1 or more. */
  simultaneousReads: number;
  /** Writes in flight at once, 1 or more. */
  simultaneousWrites: number;
}

/** Options of every kind of source and target (sections `io_file`, `io_null` of backy.cfg). Plain data: it goes to worker threads. */
export interface IoOptions {
  file: IoLimits;
  null: IoLimits;
}
