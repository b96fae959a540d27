import type { Progress } from '../../core/progress.ts';

/** What the status lines are about. */
export interface StatusSubject {
  operation: 'backup' | 'restore' | 'scrub';
  /** The source, the target, or name and uid of the version. */
  what: string;
}

const BAR = 10;

/** A status line as `cli.md` shows it; also what stands in the process title. */
export function statusText(subject: StatusSubject, progress: Progress, elapsedSeconds: number): string {
  const bars = `Read Queue [${bar(progress.load)}] Write Queue [${bar(progress.load / 2)}]`;
  const share = progress.totalBlocks === 0 ? 1 : progress.doneBlocks / progress.totalBlocks;
  const speed = elapsedSeconds > 0 ? progress.doneBytes / elapsedSeconds / 1e6 : 0;
  const eta = share > 0 ? (elapsedSeconds / share) * (1 - share) : 0;
  const numbers = `(${(Math.floor(share * 1000) / 10).toFixed(1)}% ${speed.toFixed(1)}MB/sØ ETA ${duration(eta)})`;
  switch (subject.operation) {
    case 'backup':
      return `Backing up (2/2: Data) ${subject.what} ${bars} ${numbers}`;
    case 'restore':
      return `Restore phase 2/2 (data) to ${subject.what} ${bars} ${numbers} Last ID: ${progress.lastId < 0 ? 'None' : progress.lastId}`;
    case 'scrub':
      return `Scrubbing ${subject.what} ${bars} ${numbers}`;
  }
}

/** `83s` under two minutes, `1m32s`-style under an hour, then `59h1m`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 120) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h${Math.floor((whole % 3600) / 60)}m`;
}

function bar(load: number): string {
  const filled = Math.max(0, Math.min(BAR, Math.round(load * BAR)));
  return '='.repeat(filled) + ' '.repeat(BAR - filled);
}
