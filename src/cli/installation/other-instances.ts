import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Lists processes of the original on this host. As in the original, the first word of their title
 * is `processName`. Our own processes are left out: their locks tell more, since every one of them
 * has this title while it starts, even those of other installations.
 */
export function otherInstances(processName: string): string[] {
  const others: string[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry) || Number(entry) === process.pid) continue;
    const title = titleOf(entry);
    if (title.split(/\s/)[0] === processName && !isOurs(entry)) others.push(`pid ${entry}: ${title.slice(0, 200)}`);
  }
  return others;
}

/** The original runs in Python. After an upgrade, our other processes have another Node.js. */
function isOurs(pid: string): boolean {
  try {
    return /\/node(js)?( \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    // It has ended, or belongs to another user. In the latter case it counts as the original's.
    return false;
  }
}

function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    // It has ended, or belongs to another user and is hidden.
    return '';
  }
}
