import { closeSync, fsyncSync, openSync } from 'node:fs';

/**
 * Makes a file durable, or the names in a folder: a rename survives a power loss only after that.
 * Throws the system's errors.
 */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
