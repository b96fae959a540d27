import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';
import { sourcesThatRan } from '../support/program/loaded-sources.ts';

const SPY = fileURLToPath(new URL('../support/program/spy-on-code.cjs', import.meta.url));

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create();
});
afterEach(() => lab.remove());

/** The sources that a command runs, and the package files that it loads. */
async function sourcesLoadedBy(...args: string[]): Promise<Set<string>> {
  const coverage = lab.path('coverage');
  const { code, stderr } = await lab.run(args, { env: { NODE_V8_COVERAGE: coverage } });
  expect(code, stderr).toBe(0);
  return sourcesThatRan(coverage);
}

/**
 * Modules that a listing does not need and that are slow to load: 40 ms in all. The config's checks
 * of sources are not.
 */
const HEAVY =
  /knex|koffi|csv-|dayjs|src\/(engine|data)\/|src\/io\/(?!(io|rbd\/rbd)-url\.)|src\/core\/(backup|restore|scrub|upkeep|transfer)\//;

test('a machine listing loads neither knex nor code that moves blocks', async () => {
  await lab.backup('null://8kB', 'vm');
  const sources = await sourcesLoadedBy('-ms', 'ls');
  expect(sources).toContain('src/cli/commands/ls.ts');
  expect(sources).toContain('src/meta/sqlite/sqlite-store.ts');
  expect([...sources].filter((source) => HEAVY.test(source))).toEqual([]);
});

test('tags are added without knex', async () => {
  const uid = await lab.backup('null://8kB', 'vm');
  const sources = await sourcesLoadedBy('add-tag', uid, "a,it's");
  expect(sources).toContain('src/meta/sql/version-steps.ts');
  expect([...sources].filter((source) => source.includes('knex'))).toEqual([]);
});

test('-V loads only the code that parses the command line', async () => {
  const sources = await sourcesLoadedBy('-V');
  expect(sources).toContain('src/cli/program.ts');
  expect(
    [...sources].filter((source) => /cli\/run\.ts|src\/(meta|locking|data)\/|core\/backy\.ts|better-sqlite3/.test(source)),
  ).toEqual([]);
});

test('neither the version nor a listing loads slow modules of Node', async () => {
  for (const words of [['-V'], ['-ms', 'ls'], ['ls']]) {
    const { code, stderr } = await lab.run(words, { env: { NODE_OPTIONS: `--require ${SPY}` } });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('"slow":[]');
  }
});
