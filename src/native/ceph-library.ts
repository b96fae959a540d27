import { createRequire } from 'node:module';
import { BackyError, messageOf } from '../errors.ts';
import { libc } from './libc.ts';

/** A shared library of Ceph, and koffi to declare its functions. */
interface CephLibrary {
  koffi: typeof import('koffi');
  /**
   * Declares a function by its C prototype. Handles are `uint64_t`: numbers can go to other
   * threads.
   */
  func<T>(declaration: string): T;
}

/**
 * Loads a library of Ceph; the error for a missing one names the package. Costs some ms in each
 * thread.
 */
export function loadCephLibrary(file: string, debianPackage: string): CephLibrary {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(file);
  } catch (error) {
    throw new BackyError('io', `Cannot load ${file}, which rbd:// needs: ${messageOf(error)}`, {
      hint: `Install it, on Debian and Ubuntu with: apt-get install ${debianPackage}`,
      cause: error,
    });
  }
  return { koffi, func: (declaration) => library.func(declaration) as never };
}

/** The errno name of a result below 0 of Ceph's libraries. */
export function resultName(result: number): string {
  return libc().errnoName(-result);
}
