import { readFileSync } from 'node:fs';

/**
 * Whether this process may draw on its terminal. False for a background job of the shell. Costs a
 * read of /proc, about 20 µs.
 */
export function isForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // proc(5): "pid (name) state ppid pgrp session tty_nr tpgid …". A name may contain spaces and
    // brackets.
    const [, , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(terminalGroup) <= 0 || group === terminalGroup;
  } catch {
    return true;
  }
}
