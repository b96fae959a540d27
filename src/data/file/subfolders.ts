import { readdirSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';

/**
 * Folders in a folder, or symlinks, with names of two letters that begin with `prefix`. None if it
 * is missing, or no folder.
 */
export function subfolders(path: string, prefix: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((e) => (e.isDirectory() || e.isSymbolicLink()) && e.name.length === 2 && e.name.startsWith(prefix))
      .map(({ name }) => name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
