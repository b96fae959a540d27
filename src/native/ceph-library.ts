import { createRequire } from 'node:module';
import { BackyError, messageOf } from '../errors.ts';
import { libc } from './libc.ts';

/** A shared library of Ceph, and koffi to declare its functions with. */
export interface CephLibrary {
  koffi: typeof import('koffi');
  /** Declares a function in C's words. Handles are `uint64_t`: addresses as numbers can be handed to other threads. */
  func<T>(declaration: string): T;
}

/** Loads a library of Ceph; a missing one is an error that names the package. Each thread loads its own, which costs some ms. */
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

/** The errno name of a result of Ceph's libraries, which are errno numbers below 0. */
export function resultName(result: number): string {
  return libc().errnoName(-result);
}
