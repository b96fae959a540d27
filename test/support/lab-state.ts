import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Lab } from './lab.ts';

/** All that the lab's program keeps, the files beside the blobs included: equal before and after what must change nothing. */
export function stateOf(lab: Lab): { database: unknown; files: string[] } {
  return { database: lab.dump(), files: filesBelow(lab.dataPath) };
}

/** The files below a folder, with digests of what they hold. */
export function filesBelow(folder: string): string[] {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return files
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${relative(folder, path)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    .sort();
}
