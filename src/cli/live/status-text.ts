import type { Progress } from '../../core/progress.ts';
import type { Pace } from './pace.ts';

/** The subject of the status lines. */
export interface StatusSubject {
  operation: 'backup' | 'restore' | 'scrub' | 'repair' | 'migrate';
  /**
   * The source, the target, or name and uid of the version. MUST NOT contain control characters.
   */
  what: string;
}

const BAR = 10;

/** A status line, also shown in the process title. Scripts rely on its form. */
export function statusText({ operation, what }: StatusSubject, progress: Progress, pace: Pace): string {
  const { read, write } = progress.loads;
  const bars = `Read Queue [${bar(read)}] Write Queue [${bar(write)}]`;
  const numbers = `(${percentText(progress)} ${speedText(pace)}MB/sØ ETA ${etaText(pace)})`;
  switch (operation) {
    case 'backup':
      return `Backing up (${progress.phase === 'prepare' ? '1/2: Prep' : '2/2: Data'}) ${what} ${bars} ${numbers}`;
    case 'restore':
      return `Restore phase 2/2 (data) to ${what} ${bars} ${numbers} Last ID: ${progress.lastId < 0 ? 'None' : progress.lastId}`;
    case 'migrate':
      return `Migrating ${what} ${bars} ${numbers}`;
    case 'repair':
      return `Repairing ${what} ${bars} ${numbers}`;
    case 'scrub':
      return `Scrubbing ${what} ${bars} ${numbers}`;
  }
}

/** Whether all blocks are finished. */
export function isFinished({ phase, doneBlocks, totalBlocks }: Progress): boolean {
  return phase === 'data' && doneBlocks >= totalBlocks;
}

/** `42.3%`; 100.0 only if all blocks are finished. */
export function percentText({ doneBlocks, totalBlocks }: Progress): string {
  const share = totalBlocks === 0 ? 1 : doneBlocks / totalBlocks;
  return `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;
}

/** Megabytes (10^6 bytes) a second. */
export function speedText({ bytesPerSecond }: Pace): string {
  return (bytesPerSecond / 1e6).toFixed(1);
}

/** The time left; `?` while unknown. */
export function etaText({ etaSeconds }: Pace): string {
  return etaSeconds === undefined ? '?' : duration(etaSeconds);
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
