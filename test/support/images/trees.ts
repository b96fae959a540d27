import { copyFileSync, linkSync, lstatSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { sha256OfFile } from './sha256.ts';

/**
 * Copies a folder's content into an existing folder: each file as a hard link, or its bytes, mode
 * and times.
 */
export function copyTree(from: string, to: string, files: 'linked' | 'copied'): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(copy, { mode: statSync(source).mode });
      copyTree(source, copy, files);
    } else if (files === 'linked') linkSync(source, copy);
    else {
      copyFileSync(source, copy);
      const { atime, mtime } = statSync(source);
      utimesSync(copy, atime, mtime);
    }
  }
}

/**
 * Each path in a folder with its mode, and of files size and sha256. For comparing before and
 * after.
 */
export function treeOf(folder: string, below = ''): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    const { mode, size } = lstatSync(join(folder, path));
    tree[path] = `${mode.toString(8)}${entry.isFile() ? ` ${size} ${sha256OfFile(join(folder, path))}` : ''}`;
    if (entry.isDirectory()) Object.assign(tree, treeOf(folder, path));
  }
  return tree;
}
