import { readFileSync } from 'node:fs';

/** The text of a file that the package ships, named from its root. */
export function readPackageFile(path: string): string {
  // Built, the root is one folder up; from source it is three.
  try {
    return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  } catch {
    return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  }
}
