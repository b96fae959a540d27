/** A command line to run, as the process of it would have it. */
export interface Call {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** Written to stdout and stderr after all that the call writes. */
  end: string;
  /** Stops the clock there, in milliseconds since 1970. */
  clockMs?: number;
}

/** What a host tells once a call has ended. */
export interface CallEnd {
  code: number;
  /** What the call has left open. */
  left: string[];
  /** Processor time of the host since its start. */
  cpuSeconds: number;
  /** It has more memory than is good for the calls to come. */
  isLarge: boolean;
}
