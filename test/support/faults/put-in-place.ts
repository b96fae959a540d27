import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Makes the tree below a root what is wanted: the bytes of each file, `undefined` for a folder; parents come first.
 * Changes only what is not so already: most blobs are the same in all states of the disk.
 */
export function putInPlace(root: string, wanted: ReadonlyMap<string, Buffer | undefined>): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }).reverse()) {
    const path = join(entry.parentPath, entry.name);
    if (isKept(root, path) || isSame(path, entry.isDirectory(), wanted)) continue;
    // A file is removed, not written to: it may be a hard link.
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

/** What is no part of the store: the log, which is not synced, locks, which die with the host, and the WAL's index, which SQLite makes anew. */
export function isKept(root: string, path: string): boolean {
  const name = relative(root, path);
  return /^(home|locks)(\/|$)/.test(name) || name.endsWith('.log') || name.endsWith('.cfg');
}
