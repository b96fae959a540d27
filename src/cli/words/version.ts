import { readPackageFile } from './package-file.ts';

/** The version in package.json; `unknown` if that cannot be read. */
export function programVersion(): string {
  try {
    return (JSON.parse(readPackageFile('package.json')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
