import { chmodSync, readdirSync, statSync } from 'node:fs';

/**
 * Makes a tree readable by everybody and writable by its owner alone, whatever the umask of the
 * checkout was. Programs stay programs. @param {string} folder
 */
export function setUsualModes(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    chmodSync(path, entry.isDirectory() || (statSync(path).mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}
