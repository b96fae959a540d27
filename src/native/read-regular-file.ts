import { readFileSync, statSync } from 'node:fs';

/**
 * Reads a file of the configuration, which is read more than once and at any time. Refuses pipes
 * and devices: they would block the thread, or be empty the second time.
 * @throws Error, or the system's error.
 */
export function readRegularFile(path: string): string {
  if (!statSync(path).isFile()) throw new Error(`${path} is not a regular file`);
  return readFileSync(path, 'utf8');
}
