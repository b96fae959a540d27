import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Processes of the original on this host: their title's first word is `processName`, which is how it finds its own kind too. Ours are told
 * by their locks instead: every one has that title while it starts, also those of other installations.
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

function isOurs(pid: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === process.execPath;
  } catch {
    // Another user's, or gone: if it is there, it counts.
    return false;
  }
}

function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    // It has ended meanwhile, or is another user's that may not be looked at.
    return '';
  }
}
