import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Makes the tree below a root match `wanted`: the bytes of each file, `undefined` for a folder;
 * parents come first. Writes only differences, since most blobs are the same in all states of the
 * disk.
 */
export function putInPlace(root: string, wanted: ReadonlyMap<string, Buffer | undefined>): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }).reverse()) {
    const path = join(entry.parentPath, entry.name);
    if (isKept(root, path) || isSame(path, entry.isDirectory(), wanted)) continue;
    // Removes a file instead of writing to it: it may be a hard link.
    if (entry.isDirectory()) rmdirSync(path);
    else unlinkSync(path);
  }
  for (const [path, bytes] of wanted) {
    if (existsSync(path)) continue;
    if (bytes === undefined) mkdirSync(path, { mode: 0o700 });
    else writeFileSync(path, bytes, { mode: 0o600 });
  }
}

function isSame(path: string, isFolder: boolean, wanted: ReadonlyMap<string, Buffer | undefined>): boolean {
  if (!wanted.has(path)) return false;
  const bytes = wanted.get(path);
  return bytes === undefined ? isFolder : !isFolder && readFileSync(path).equals(bytes);
}

/**
 * Whether a path is part of the store. Not part of it: the log, which is not synced; locks, which
 * die with the host; and the WAL's index, which SQLite creates again.
 */
export function isKept(root: string, path: string): boolean {
  const name = relative(root, path);
  return /^(home|locks)(\/|$)/.test(name) || name.endsWith('.log') || name.endsWith('.cfg');
}
