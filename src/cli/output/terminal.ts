import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Of /dev/null and its like. */
const MEMORY_DEVICES = 1;

let tty: typeof import('node:tty') | undefined;

/** Whether an open file is a terminal. Node's own test loads its network code, 2 ms, so it is only asked about what may be one. */
export function isTerminal(fd: number): boolean {
  if (!mayBeTerminal(fd)) return false;
  tty ??= createRequire(import.meta.url)('node:tty') as typeof import('node:tty');
  return tty.isatty(fd);
}

/** Whether words may be coloured: not with `--no-color` or NO_COLOR (no-color.org), nor on a terminal that can't. */
export function allowsColor(option: boolean | undefined, env = process.env): boolean {
  return option !== false && (env.NO_COLOR ?? '') === '' && !isDumb(env);
}

/** Whether stderr is a terminal on which a line can be drawn anew. */
export function allowsBar(env = process.env): boolean {
  return isTerminal(2) && !isDumb(env);
}

function isDumb({ TERM = '' }: NodeJS.ProcessEnv): boolean {
  return TERM === '' || TERM === 'dumb';
}

function mayBeTerminal(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev >> 8 !== MEMORY_DEVICES;
  } catch {
    // It is closed.
    return false;
  }
}
