import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The path of a file of the package. @param path relative to the package's root. */
export function packageFile(path: string): string {
  // The root is one folder above the built program, three above this source file.
  const built = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

/** Reads a file of the package. @param path relative to the package's root. */
export function readPackageFile(path: string): string {
  return readFileSync(packageFile(path), 'utf8');
}
