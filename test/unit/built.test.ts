import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** The source files in a file of dist/ and in all that it loads before it runs. */
function sourcesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = readFileSync(join(DIST, file), 'utf8').matchAll(/\b(?:from|import)\s*"\.\/([^"]+\.js)"/g);
  const { sources } = JSON.parse(readFileSync(join(DIST, `${file}.map`), 'utf8')) as { sources: string[] };
  return [...sources, ...[...imports].flatMap(([, name = '']) => sourcesOf(name, seen))];
}

/** What a file of dist/ that is loaded late is called: its name, and a hash of what is in it. */
function built(name: string): string {
  const file = readdirSync(DIST).find((candidate) => new RegExp(`^${name}-\\w+\\.js$`).test(candidate));
  if (file === undefined) throw new Error(`there is no ${name} in dist/`);
  return file;
}

test('no start loads anything of completion and of the man page', () => {
  const sources = ['backy2.js', 'run-program.js', built('run')].flatMap((file) => sourcesOf(file));
  for (const here of ['cli/program.ts', 'cli/run.ts', 'src/errors.ts'])
    expect(sources.some((source) => source.endsWith(here))).toBe(true);
  expect(sources.filter((source) => /cli\/(completion\/(analyse|candidates|complete)|man\/)|meta\/peek/.test(source))).toEqual(
    [],
  );
});

test('reading the words loads nothing of what a command alone needs', () => {
  const sources = ['backy2.js', 'run-program.js'].flatMap((file) => sourcesOf(file));
  expect(sources.some((source) => source.endsWith('src/errors.ts'))).toBe(true);
  expect(sources.filter((source) => /cli\/run\.ts|src\/meta\/|core\/backy\.ts|knex/.test(source))).toEqual([]);
});
