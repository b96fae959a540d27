import { readFileSync } from 'node:fs';

/** Whether a process runs. One that has ended counts as ended before its parent has noticed. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
