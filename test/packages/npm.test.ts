import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drill, sectionOf } from '../support/docs/drill.ts';
import { buildLines, ROOT, shellIn } from '../support/packages/build.ts';
import { Running } from '../support/program/process.ts';

const PAGE = readFileSync('docs/install.md', 'utf8');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-npm-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('npm install -g of the package gives a program that needs nothing of the checkout', async () => {
  const [pack = '', install = '', ...remove] = buildLines(sectionOf(PAGE, 'npm'));
  await drill([pack], shellIn(ROOT, { npm_config_pack_destination: folder }));
  // Compiling the driver is the part of npm: it takes a minute.
  const global = shellIn(folder, { npm_config_prefix: folder, npm_config_ignore_scripts: 'true' });
  await drill([install], global);
  const modules = join(folder, 'lib/node_modules/backy2/node_modules');
  cpSync(join(ROOT, 'node_modules/better-sqlite3/build'), join(modules, 'better-sqlite3/build'), { recursive: true });
  expect(readdirSync(modules)).toEqual(expect.not.arrayContaining(['knex', 'pg', 'commander', '@aws-sdk']));

  // The bundles come with the licences of what is in them.
  const licences = readFileSync(join(modules, '../dist/LICENSES-OF-PARTS'), 'utf8');
  for (const name of ['knex', 'pgpass', 'commander', 'd3-scale', 'prom-client'])
    expect(licences).toMatch(new RegExp(`^${name}\n[^=]*(Permission is hereby granted|Permission to use|Apache License)`, 'm'));

  writeFileSync(join(folder, 'image'), 'x'.repeat(65536));
  const env = { PATH: process.env.PATH ?? '', HOME: folder, XDG_DATA_HOME: folder };
  const backy2 = (...words: string[]) => new Running([join(folder, 'bin/backy2'), ...words], { env, cwd: folder }).ended;
  expect(await backy2('backup', 'file://image', 'web')).toMatchObject({ code: 0 });
  // Each bundle must find its parts: without a server, they only fail to connect.
  writeFileSync(
    join(folder, 'servers.cfg'),
    `[DEFAULTS]\nlogfile: ${folder}/log\nlock_dir: ${folder}\nencryption_version: 0
[MetaBackend]\nengine: postgresql://nobody@127.0.0.1:9/none\n[DataBackend]\ntype: file\npath: ${folder}\n`,
  );
  expect(await backy2('-c', join(folder, 'servers.cfg'), 'ls')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("Can't connect"),
  });

  await drill(remove, global);
  expect(readdirSync(join(folder, 'lib/node_modules'))).toEqual(expect.not.arrayContaining(['backy2']));
  expect(readdirSync(join(folder, 'bin'))).toEqual([]);
});
