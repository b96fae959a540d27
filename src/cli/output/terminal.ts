import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The major number of /dev/null and similar devices. */
const MEMORY_DEVICES = 1;

let tty: typeof import('node:tty') | undefined;

/**
 * Whether an open file is a terminal. Asks Node only about likely ones: that loads its network
 * code, 2 ms.
 */
export function isTerminal(fd: number): boolean {
  if (!mayBeTerminal(fd)) return false;
  tty ??= createRequire(import.meta.url)('node:tty') as typeof import('node:tty');
  return tty.isatty(fd);
}

/**
 * Whether colours are allowed: not with `--no-color`, NO_COLOR (no-color.org) or a dumb terminal.
 */
export function allowsColor(option: boolean | undefined, env = process.env): boolean {
  return option !== false && (env.NO_COLOR ?? '') === '' && !isDumb(env);
}

/** Whether stderr is a terminal on which a line can be redrawn. */
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
    // The descriptor is closed.
    return false;
  }
}
