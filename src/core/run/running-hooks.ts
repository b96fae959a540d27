import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Waits until no hook with this mark runs on this host, for at most `limitMs`. A hook ends within
 * seconds after the process that began it.
 */
export async function waitForHooks(mark: string, limitMs: number): Promise<void> {
  for (const giveUpAt = performance.now() + limitMs; performance.now() < giveUpAt; await sleep(POLL_MS)) {
    if (!isRunning(mark)) return;
  }
}

/** Whether a process has this word in its command line. */
function isRunning(mark: string): boolean {
  return readdirSync('/proc').some((entry) => /^[0-9]+$/.test(entry) && wordsOf(entry).includes(mark));
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    // It has ended, or belongs to another user and is hidden.
    return [];
  }
}
