import { readFileSync } from 'node:fs';

/** Reads a file of the package. @param path relative to the package's root. */
export function readPackageFile(path: string): string {
  // The root is one folder above the built program, three above this source file.
  try {
    return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  } catch {
    return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  }
}
