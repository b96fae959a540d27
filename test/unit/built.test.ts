import { expect, test } from 'vitest';
import { lateSourcesIn, sourcesIn } from '../support/program/loaded-sources.ts';

test('no start loads anything of completion and of the man page', () => {
  const sources = sourcesIn('program');
  for (const here of ['cli/program.ts', 'cli/run.ts', 'src/errors.ts'])
    expect(sources.some((source) => source.endsWith(here))).toBe(true);
  expect(
    sources.filter((source) => /cli\/words\/(completion\/(analyse|candidates|complete)|man\/)|meta\/peek/.test(source)),
  ).toEqual([]);
});

test('completion has nothing that moves blocks', () => {
  const sources = sourcesIn('complete');
  expect(sources.some((source) => source.endsWith('cli/words/completion/complete.ts'))).toBe(true);
  expect(sources.filter((source) => /src\/(engine|data\/(file|s3)|io\/file)\//.test(source))).toEqual([]);
});

test('reading the words runs nothing of what a command alone needs', () => {
  const late = lateSourcesIn('program');
  expect(late.has('src/cli/program.ts')).toBe(false);
  const forCommands = sourcesIn('program').filter((source) => /cli\/run\.ts|src\/meta\/|core\/backy\.ts|knex/.test(source));
  expect(forCommands).toContain('src/cli/run.ts');
  expect(forCommands.filter((source) => !late.has(source))).toEqual([]);
});

test.each(['program', 'blocks'])('the bundle %s leaves what only some need to bundles of their own', (bundle) => {
  expect(sourcesIn(bundle)).toContain('src/data/s3/s3-backend.ts');
  expect(sourcesIn(bundle).filter((source) => /@aws-sdk|@smithy|node_modules\/(pg|knex|d3-)/.test(source))).toEqual([]);
  expect(sourcesIn('s3-sdk').some((source) => source.includes('@aws-sdk/client-s3'))).toBe(true);
  expect(sourcesIn('knex').some((source) => source.includes('node_modules/knex/'))).toBe(true);
  expect(sourcesIn('d3').some((source) => source.includes('node_modules/d3-scale/'))).toBe(true);
  expect(sourcesIn('pg').some((source) => source.includes('node_modules/pg/'))).toBe(true);
});
