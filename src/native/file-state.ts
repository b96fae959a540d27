import { statSync } from 'node:fs';

/**
 * Which regular file is at a path, its size and the time of its last write, as text that changes
 * with any of these. Not the ctime: a new name or mode is no new content. `none` if nothing can be
 * seen there; undefined for a device, a pipe or a folder, whose writes can't be seen so.
 */
export function fileState(path: string): string | undefined {
  try {
    const stats = statSync(path, { bigint: true });
    return stats.isFile() ? `${stats.dev}:${stats.ino} ${stats.size} ${stats.mtimeNs}` : undefined;
  } catch {
    return 'none';
  }
}
