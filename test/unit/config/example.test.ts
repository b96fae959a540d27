import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseIni } from '../../../src/config/ini.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { JOB, SCHEMA } from '../../../src/config/schema.ts';
import { makeSandbox } from './sandbox.ts';

const EXAMPLE = fileURLToPath(new URL('../../../backy.cfg.example', import.meta.url));

test('the example loads without errors and warnings', () => {
  const { env } = makeSandbox();
  const config = loadConfig(EXAMPLE, env);
  expect([config.warnings, config.brokenSchedulers]).toEqual([[], []]);
  expect(config.schedulers.map(({ name }) => name)).toEqual(['hourly', 'daily', 'weekly', 'monthly']);
  expect(config.data).toMatchObject({ simultaneousReads: 4, simultaneousWrites: 4 });
});

test('the example lets no version expire before it may be removed', () => {
  const { env } = makeSandbox();
  const { schedulers, disallowRmWhenYoungerThanDays } = loadConfig(EXAMPLE, env);
  for (const { name, keep, intervalSeconds } of schedulers)
    expect((keep + 1) * intervalSeconds, name).toBeGreaterThanOrEqual(disallowRmWhenYoungerThanDays * 86_400);
});

test('the example has every option in its section, set or switched off', () => {
  // "#option: value" is a disabled option, "# text" is a comment.
  const text = readFileSync(EXAMPLE, 'utf8').replaceAll(/^#(?=\w+:|\[)/gm, '');
  const { sections } = parseIni(text, EXAMPLE);
  for (const [name, options] of Object.entries(SCHEMA)) {
    const known = [...(sections.get(name)?.options.keys() ?? [])];
    expect(known.sort(), name).toEqual(Object.keys(options).sort());
  }
  const ofJobs = ['job:web', 'job:lab', 'job:mail'].flatMap((name) => [...(sections.get(name)?.options.keys() ?? [])]);
  expect([...new Set(ofJobs)].sort()).toEqual(Object.keys(JOB).sort());
});
