import { readFileSync } from 'node:fs';

/** The version in package.json, which lies beside the folder that the program was built into. */
export function programVersion(): string {
  for (const relative of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(relative, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // Built, the file is one folder up; from source it is two.
    }
  }
  return 'unknown';
}
