import { type BigIntStats, statSync } from 'node:fs';

/**
 * Notes which file is at a path, its size and the time of its last write.
 * @returns a function that tells whether any of these has changed since. For a device it can't be
 * known, so it is always false.
 */
export function watchChanges(path: string): () => boolean {
  const before = identityOf(path);
  return () => before !== undefined && before !== identityOf(path);
}

/** Not the ctime: a new name or mode is no new content. Undefined for what is no file. */
function identityOf(path: string): string | undefined {
  const stats = statIfThere(path);
  if (stats === undefined) return 'gone';
  return stats.isFile() ? `${stats.dev}:${stats.ino} ${stats.size} ${stats.mtimeNs}` : undefined;
}

function statIfThere(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
