import { existsSync, readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.remove());

/** Names the database, and the layout if one is given, in the config file. */
function configure(layout?: string): void {
  const named = layout === undefined ? {} : { layout };
  lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('new.sqlite')}`, ...named } });
}

function revision(): unknown {
  const db = new Database(lab.path('new.sqlite'), { readonly: true });
  try {
    return db.prepare('SELECT version_num FROM alembic_version').pluck().all();
  } finally {
    db.close();
  }
}

const CLASSIC = ['30349b678801'];
const COMPACT = ['backy2-compact-1'];

test.each([
  [undefined, [], CLASSIC],
  [undefined, ['--layout', 'classic'], CLASSIC],
  [undefined, ['--layout', 'compact'], COMPACT],
  ['classic', [], CLASSIC],
  ['compact', [], COMPACT],
  ['compact', ['--layout', 'compact'], COMPACT],
])('with layout %s in the config file, initdb %j makes revision %j', async (configured, words, expected) => {
  configure(configured);
  await lab.ok('initdb', ...words);
  expect(revision()).toEqual(expected);
});

test.each([
  [undefined, ['--layout', 'packed'], 2, '--layout takes classic or compact, not "packed".'],
  [undefined, ['--layout', 'compcat'], 2, 'Did you mean compact?'],
  ['classic', ['--layout', 'compact'], 1, '--layout is compact, but [MetaBackend] layout is classic. Nothing was created.'],
  ['compact', ['--layout', 'classic'], 1, '--layout is classic, but [MetaBackend] layout is compact. Nothing was created.'],
])('with layout %s in the config file, initdb %j is refused', async (configured, words, code, message) => {
  configure(configured);
  expectFailure(await lab.run(['initdb', ...words]), code, message);
  expect(existsSync(lab.path('new.sqlite'))).toBe(false);
});

test.each([
  ['classic', 'compact'],
  ['compact', 'classic'],
])('a database of layout %s is refused where the config file says %s, and does not change', async (actual, configured) => {
  configure();
  await lab.ok('initdb', '--layout', actual);
  const before = readFileSync(lab.path('new.sqlite'));
  configure(configured);
  const refused = `[MetaBackend] layout is ${configured}, but the database ${lab.path('new.sqlite')} has the layout ${actual}.`;
  for (const words of [['ls'], ['backup', 'null://8kB', 'vm'], ['cleanup', '-f'], ['check-metadata']])
    expectFailure(await lab.run(words), 1, refused);
  expect(readFileSync(lab.path('new.sqlite'))).toEqual(before);
  expect(readdirSync(lab.folder).filter((name) => name.startsWith('new.sqlite'))).toEqual(['new.sqlite']);
  configure(actual);
  expect(await lab.ok('-ms', 'ls')).toBe('');
  configure();
  expect(await lab.ok('-ms', 'ls')).toBe('');
});
