import { readFileSync } from 'node:fs';
import { startedProcesses } from './starts.ts';

/** Costs of a test file. */
export interface Costs {
  /** Calls of the program, resident and real: the same on every machine. */
  calls: number;
  /** Processes started, the program's and others. */
  starts: number;
  /** Processor time of the test process and of all that it started, in seconds. */
  cpuSeconds: number;
}

const HERTZ = 100;

let calls = 0;
let hostSeconds = 0;
let sofar: Costs = { calls: 0, starts: 0, cpuSeconds: 0 };

/** Notes a call of the program. */
export function countCall(): void {
  calls++;
}

let varies = false;

/** For files that call the program as often as the moment or the seed has it: their calls have no limit. */
export function callsVary(): void {
  varies = true;
}

/** Whether that was said in this file. Forgets it for the next one. */
export function takeVaries(): boolean {
  const said = varies;
  varies = false;
  return said;
}

/** Adds what a host of the program has used, in seconds, as long as the system does not count it among the processes that have ended. */
export function countHostSeconds(seconds: number): void {
  hostSeconds += seconds;
}

/** What was spent since the last call of this function in the process, or since its start. */
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
