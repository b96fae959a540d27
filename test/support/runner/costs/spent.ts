import { readFileSync } from 'node:fs';
import { startedProcesses } from './starts.ts';

/** Costs of a test file. */
export interface Costs {
  /** Calls of the program, resident and real: the same on every machine. */
  calls: number;
  /** Started processes, the program's and others. */
  starts: number;
  /** Processor time of the test process and its children, in seconds. */
  cpuSeconds: number;
}

const HERTZ = 100;

let calls = 0;
let hostSeconds = 0;
let sofar: Costs = { calls: 0, starts: 0, cpuSeconds: 0 };

export function countCall(): void {
  calls++;
}

let varies = false;

/** For files whose number of calls depends on timing or the seed: their calls have no limit. */
export function callsVary(): void {
  varies = true;
}

/** Whether `callsVary` was called in this file. Resets it for the next file. */
export function takeVaries(): boolean {
  const said = varies;
  varies = false;
  return said;
}

/**
 * Adds processor time of a host of the program, in seconds, while the system does not count the
 * host among ended processes.
 */
export function countHostSeconds(seconds: number): void {
  hostSeconds += seconds;
}

/** Costs since the last call of this function in the process, or since its start. */
export function takeCosts(): Costs {
  const now = { calls, starts: startedProcesses(), cpuSeconds: ownSeconds() + endedChildrenSeconds() + hostSeconds };
  const spent = {
    calls: now.calls - sofar.calls,
    starts: now.starts - sofar.starts,
    cpuSeconds: now.cpuSeconds - sofar.cpuSeconds,
  };
  sofar = now;
  return spent;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** proc(5): cutime and cstime of /proc/pid/stat, in ticks of which a second has 100 on Linux. */
function endedChildrenSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / HERTZ;
}
