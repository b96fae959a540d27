import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Time that a program has to answer SIGUSR1. */
const ANSWER_MS = 2_000;
/** Linux counts processor time in these, whatever its own clock is. */
const TICKS_PER_SECOND = 100;

/**
 * Kills a program that took too long. Before that, it asks the program for its status (SIGUSR1),
 * which goes to stderr.
 * @returns its activity meanwhile: a slow program goes on working, one that hangs makes no calls.
 */
export async function endHanging(child: ChildProcess): Promise<string> {
  const before = workOf(child.pid);
  child.kill('SIGUSR1');
  await sleep(ANSWER_MS);
  const after = workOf(child.pid);
  child.kill('SIGKILL');
  if (before === undefined || after === undefined) return 'It ended while it was asked for its status.';
  const cpuSeconds = (after.cpuSeconds - before.cpuSeconds).toFixed(2);
  return `In its last ${ANSWER_MS} ms it made ${after.calls - before.calls} read and write calls, in ${cpuSeconds} s of processor time.`;
}

/**
 * System calls and processor time of a process so far, over all its threads; undefined if it has
 * ended.
 */
function workOf(pid: number | undefined): { calls: number; cpuSeconds: number } | undefined {
  try {
    const io = readFileSync(`/proc/${pid}/io`, 'utf8');
    const calls = [...io.matchAll(/^sysc[rw]: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    // proc(5): "pid (name) state …"; utime and stime are the 12th and 13th after the name, which
    // may hold blanks and brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { calls, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}
