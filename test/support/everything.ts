import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { sha256 } from './sha256.ts';

/** All rows of all tables of a lab's SQLite database, our own too, and the digest of every file below its data folder. */
export function everythingIn(lab: Lab): { tables: Record<string, string[]>; files: Record<string, string> } {
  const names = lab.query<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  const tables = names.map(({ name }) => [
    name,
    lab
      .query(`SELECT * FROM ${name}`)
      .map((row) => JSON.stringify(row))
      .sort(),
  ]);
  return { tables: Object.fromEntries(tables), files: filesIn(lab.dataPath) };
}

/** The digests of all files below a folder, by path. */
export function filesIn(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = paths.filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, sha256(readFileSync(join(folder, path)))]));
}
