import { readdirSync, readFileSync } from 'node:fs';

/** Other processes on this host whose title's first word is `processName`: the original finds its own kind that way too. */
export function otherInstances(processName: string): string[] {
  const others: string[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry) || Number(entry) === process.pid) continue;
    const title = titleOf(entry);
    if (title.split(/\s/)[0] === processName) others.push(`pid ${entry}: ${title.slice(0, 200)}`);
  }
  return others;
}

function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    // It has ended meanwhile, or is another user's that may not be looked at.
    return '';
  }
}
