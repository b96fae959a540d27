import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lab } from '../support/lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create();
});
afterEach(() => lab.remove());

/** The sources of the program's own files that a call loads, as their source maps name them. */
async function sourcesLoadedBy(...args: string[]): Promise<Set<string>> {
  const coverage = lab.path('coverage');
  const { code, stderr } = await lab.run(args, { env: { NODE_V8_COVERAGE: coverage } });
  expect(code, stderr).toBe(0);
  const urls = readdirSync(coverage).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(`${coverage}/${file}`, 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  const sources = urls
    .filter((url) => /\/dist\/[^/]+\.js$/.test(url))
    .flatMap((url) => (JSON.parse(readFileSync(fileURLToPath(`${url}.map`), 'utf8')) as { sources: string[] }).sources)
    .map((source) => source.replace(/^\.\.\//, ''));
  return new Set([...sources, ...urls.filter((url) => url.includes('/koffi/'))]);
}

/** What a listing has no use for, and what takes longest to load: 40 ms in all. */
const HEAVY = /knex|koffi|csv-|dayjs|src\/(engine|io|data)\/|src\/core\/(backup|restore|scrub|cleanup|transfer)/;

test('a machine listing loads neither knex nor what moves blocks', async () => {
  await lab.backup('null://8kB', 'vm');
  const sources = await sourcesLoadedBy('-ms', 'ls');
  expect(sources).toContain('src/cli/commands/ls.ts');
  expect(sources).toContain('src/meta/sqlite/sqlite-store.ts');
  expect([...sources].filter((source) => HEAVY.test(source))).toEqual([]);
});
