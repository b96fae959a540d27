import { copyFileSync, linkSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** Copies what is in a folder into another one, which exists: each file as a hard link, or its bytes, mode and times. */
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
