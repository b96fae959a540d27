import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

/** The source files in a file of dist/ and in all that it loads before it runs. */
function sourcesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = readFileSync(join(DIST, file), 'utf8').matchAll(/(?:from|^import) "\.\/([^"]+\.js)";/gm);
  const { sources } = JSON.parse(readFileSync(join(DIST, `${file}.map`), 'utf8')) as { sources: string[] };
  return [...sources, ...[...imports].flatMap(([, name = '']) => sourcesOf(name, seen))];
}

test('a start loads nothing of completion, of the man page, or of what a command alone needs', () => {
  const sources = sourcesOf('backy2.js');
  expect(sources.some((source) => source.endsWith('src/cli/program.ts'))).toBe(true);
  expect(sources.some((source) => source.endsWith('src/errors.ts'))).toBe(true);
  const late = /cli\/(completion\/(analyse|candidates|complete)|man\/|run)|meta\/|core\/backy\.ts|knex/;
  expect(sources.filter((source) => late.test(source))).toEqual([]);
});
