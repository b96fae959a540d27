import child from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

/** Calls of node:child_process that start a process. */
const STARTERS = ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'exec', 'execSync', 'fork'] as const;

let permitted = 0;
let started = 0;

/** Processes that this test process has started so far. */
export function startedProcesses(): number {
  return started;
}

/** Starts a process where tests may start none: the host of the program, or the program in its turn. */
export function permitStart<T>(start: () => T): T {
  permitted++;
  try {
    return start();
  } finally {
    permitted--;
  }
}

/**
 * Counts the processes that tests start; with `refuse`, starting one throws. Tests of a kind that promises to need no process are so
 * kept from becoming slow.
 */
export function watchStarts({ refuse }: { refuse: string | undefined }): void {
  for (const name of STARTERS) {
    const original = child[name] as (...args: unknown[]) => unknown;
    const watched = (...args: unknown[]): unknown => {
      if (permitted === 0 && refuse !== undefined) throw new Error(`${refuse}: ${name} ${String(args[0])}`);
      started++;
      // What it calls of itself is one start.
      permitted++;
      try {
        return original(...args);
      } finally {
        permitted--;
      }
    };
    Object.defineProperty(child, name, { value: Object.assign(watched, original), writable: true, configurable: true });
  }
  syncBuiltinESMExports();
}
