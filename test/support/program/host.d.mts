/** A command line to run, with the surroundings its own process would have. */
export interface Call {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** Written to stdout and stderr after the call's own output. */
  end: string;
  /** Stops the clock there, in milliseconds since 1970. */
  clockMs?: number;
}

/** The host's message after a call. */
export interface CallEnd {
  code: number;
  /** Open files, sockets, timers and listeners that the call has left. */
  left: string[];
  /** Processor time of the host since its start. */
  cpuSeconds: number;
  /** It uses too much memory for further calls. */
  isLarge: boolean;
}
