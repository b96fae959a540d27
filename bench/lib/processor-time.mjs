import { readdirSync, readFileSync } from 'node:fs';

const MS_A_TICK = 10;

/**
 * Fields of proc(5) from the third on: state, parent, … An ended process has none.
 * @param {string} pid
 */
function statOf(pid) {
  try {
    return (readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? '').split(' ');
  } catch {
    return [];
  }
}

/**
 * Processor time of all ended children, in user mode and in the kernel: proc(5), fields 16 and 17.
 */
export function childrenCpuMs() {
  const [user, kernel] = statOf('self').slice(13, 15).map(Number);
  return ((user ?? Number.NaN) + (kernel ?? Number.NaN)) * MS_A_TICK;
}

/** Processor time of this process: of all its threads, in seconds. */
export function ownCpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/**
 * Processor time of a server and its children, in seconds; those that ended count too.
 * @param {number} pid
 */
export function serverCpuSeconds(pid) {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = statOf(name);
    if (Number(name) !== pid && Number(stat[1]) !== pid) continue;
    for (const field of stat.slice(11, 15)) ticks += Number(field);
  }
  return (ticks * MS_A_TICK) / 1000;
}
