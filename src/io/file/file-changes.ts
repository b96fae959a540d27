import { fileState } from '../../native/file-state.ts';

/**
 * Notes which file is at a path, its size and the time of its last write.
 * @returns a function that tells whether any of these has changed since. For a device it can't be
 * known, so it is always false.
 */
export function watchChanges(path: string): () => boolean {
  const before = fileState(path);
  return () => before !== undefined && before !== fileState(path);
}
