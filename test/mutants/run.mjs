import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { Workspace } from './workspace.mjs';

const USAGE = `Applies mutants one by one, in a copy of the tree, and expects the named tests to notice each.

  node test/mutants/run.mjs [--jobs N] [--unit] [NAME …]

  --jobs N   work on N mutants at once [1]
  --unit     only those whose tests need nothing built
  NAME       only mutants whose name contains NAME`;

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '1' }, unit: { type: 'boolean' }, help: { type: 'boolean' } },
  allowPositionals: true,
});
if (values.help) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}

const { MUTANTS, findTest } = await loadList();
const isWanted = ({ name, builds }) =>
  (positionals.length === 0 || positionals.some((part) => name.includes(part))) && !(values.unit && builds);
const mutants = MUTANTS.filter(isWanted);
if (mutants.length === 0) throw new Error('no mutant has such a name');

const width = Math.max(...mutants.map(({ name }) => name.length));
const workspaces = Array.from({ length: Math.min(Number(values.jobs), mutants.length) }, () => new Workspace(findTest));
process.on('exit', () => {
  for (const workspace of workspaces) workspace.remove();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

await proveThatTestsPass(workspaces[0]);
const outcomes = { noticed: 0, missed: 0 };
const queue = [...mutants];
print('mutant', 'noticed by');
await Promise.all(workspaces.map(workThrough));
process.stdout.write(`${outcomes.noticed} noticed, ${outcomes.missed} missed\n`);
process.exit(outcomes.missed === 0 ? 0 : 1);

/** The list is TypeScript, so that it is checked with the tests; Node 20 cannot load TypeScript. */
async function loadList() {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-mutants-'));
  const outfile = join(folder, 'all.mjs');
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'all.ts')],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A test that fails by itself would notice every mutant. */
async function proveThatTestsPass(workspace) {
  if (mutants.some(({ builds }) => builds)) await workspace.build();
  const { failed, count, output } = await workspace.test([...new Set(mutants.flatMap(({ tests }) => tests))]);
  if (failed.length > 0 || count === 0)
    throw new Error(`the tests do not pass without mutants:\n${failed.join('\n')}\n${output}`);
}

async function workThrough(workspace) {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    try {
      const noticedBy = await tryOut(workspace, mutant);
      outcomes[noticedBy === undefined ? 'missed' : 'noticed']++;
      print(mutant.name, noticedBy ?? `nobody: ${mutant.invariant}`);
    } catch (error) {
      // A mutant that could not be tried proves nothing. The others continue.
      outcomes.missed++;
      print(mutant.name, `error: ${error.message}`);
    }
  }
}

/**
 * Tries one mutant.
 * @returns a test that fails with it, if any.
 * @throws Error if it does not build or its tests do not run.
 */
function tryOut(workspace, mutant) {
  return workspace.with(mutant, async () => {
    if (mutant.builds) await workspace.build();
    const { failed, count } = await workspace.test(mutant.tests);
    if (count === 0) throw new Error(`no test of ${mutant.name} ran`);
    return failed[0];
  });
}

function print(name, noticedBy) {
  process.stdout.write(`${name.padEnd(width)} | ${noticedBy}\n`);
}
