import { copyFileSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Copies what is in a folder into another one; `linked` makes hard links, which is quick, and then neither copy may be written into. */
export function copyTree(from: string, to: string, files: 'linked' | 'copied'): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target, files);
    else if (files === 'linked') linkSync(source, target);
    else copyFileSync(source, target);
  }
}
