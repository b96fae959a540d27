import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/** The hint for a file that can't be opened: that its URL lacks a slash, or else `otherwise`. */
export function pathHint(path: string, otherwise: string): string {
  const [first = ''] = path.split('/');
  const lacksSlash = !isAbsolute(path) && !existsSync(first) && existsSync(`/${first}`);
  if (!lacksSlash) return otherwise;
  return `file://${path} begins at the current folder. An absolute path makes three slashes: file:///${path}`;
}
