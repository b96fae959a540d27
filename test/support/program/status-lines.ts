/** A parsed status line. */
export interface StatusLine {
  /** `Backing up (2/2: Data) file:///x`. */
  what: string;
  /** Filled cells, of ten. */
  read: number;
  write: number;
  percent: number;
  megabytesPerSecond: number;
  eta: string;
  lastId: string | undefined;
}

const FORM =
  /^(?<what>(?:Backing up \([12]\/2: (?:Prep|Data)\)|Restore phase 2\/2 \(data\) to|Scrubbing) \S.*) Read Queue \[(?<read>=* *)\] Write Queue \[(?<write>=* *)\] \((?<percent>\d+\.\d)% (?<speed>\d+\.\d)MB\/sØ ETA (?<eta>\d+s|\d+m\d+s|\d+h\d+m)\)(?: Last ID: (?<last>\d+|None))?$/;
const ANY = /(?:Backing up \(|Restore phase|Scrubbing ).*Queue.*/g;

/**
 * The status lines in some output.
 * @throws Error for a form other than docs/spec/command-line.md §6.
 */
export function statusLines(output: string): StatusLine[] {
  return (output.match(ANY) ?? []).map(parseStatusLine);
}

/** Parses a status line. @throws Error for a form other than docs/spec/command-line.md §6. */
export function parseStatusLine(line: string): StatusLine {
  const { what, read, write, percent, speed, eta, last } = FORM.exec(line)?.groups ?? {};
  if (what === undefined || read?.length !== 10 || write?.length !== 10) throw new Error(`no status line: ${line}`);
  return {
    what,
    read: read.trim().length,
    write: write.trim().length,
    percent: Number(percent),
    megabytesPerSecond: Number(speed),
    eta: eta ?? '',
    lastId: last,
  };
}
