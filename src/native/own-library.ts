import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A shared library, as koffi opens it. */
export type Library = ReturnType<typeof import('koffi').load>;

/** Where the build puts the library that it makes of `<name>.c`. */
export function ownLibraryPath(name: string): string {
  const beside = import.meta.url.endsWith('.ts') ? '../../dist' : '.';
  return fileURLToPath(new URL(`${beside}/${name}.so`, import.meta.url));
}

/**
 * Opens a library of the build. Undefined where there is none (no compiler), or one that was built
 * for another machine. Costs some ms.
 */
export function openOwnLibrary(path: string): Library | undefined {
  if (!existsSync(path)) return undefined;
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  try {
    return koffi.load(path);
  } catch {
    return undefined;
  }
}
