import child from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';

/** Calls of node:child_process that start a process. */
const STARTERS = ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'exec', 'execSync', 'fork'] as const;

type Start = (...args: unknown[]) => unknown;

let permitted = 0;
let started = 0;

/** Number of processes that this test process has started so far. */
export function startedProcesses(): number {
  return started;
}

/**
 * Starts a process where tests may start none: the host of the program, or the program in its turn.
 */
export function permitStart<T>(start: () => T): T {
  permitted++;
  try {
    return start();
  } finally {
    permitted--;
  }
}

/**
 * Counts the processes that tests start; with `refuse`, a start throws. This keeps tests that
 * promise to need no process from becoming slow.
 */
export function watchStarts({ refuse }: { refuse: string | undefined }): void {
  const watch = (name: string, original: Start): Start => {
    return (...args) => {
      if (permitted === 0 && refuse !== undefined) throw new Error(`${refuse}: ${name} ${String(args[0])}`);
      started++;
      // Nested calls belong to the same start.
      return permitStart(() => original(...args));
    };
  };
  for (const name of STARTERS) {
    const original = child[name] as Start & { [promisify.custom]?: Start };
    const promised = original[promisify.custom];
    const watched = watch(name, original);
    if (promised !== undefined) Object.defineProperty(watched, promisify.custom, { value: watch(name, promised) });
    Object.defineProperty(child, name, { value: watched, writable: true, configurable: true });
  }
  syncBuiltinESMExports();
}
