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
  for (const words of [['backup-db', lab.path('copy')], ['check-storage']]) await lab.ok(...words);
  configure(actual);
  expect(await lab.ok('-ms', 'ls')).toBe('');
  configure();
  expect(await lab.ok('-ms', 'ls')).toBe('');
});

test('convert-db converts a database of another layout than the configured one, and says what to change', async () => {
  configure('classic');
  await lab.ok('initdb');
  const uid = await lab.backup('null://80kB', 'vm');
  const done = await lab.ok('convert-db', '--to', 'compact');
  expect(done).toContain(`The old one is kept in ${lab.path('new.sqlite')}.before-compact.`);
  expect(done).toContain(
    'WARNING: Now set [MetaBackend] layout to compact, or leave it out: until then, the database is refused.',
  );
  expectFailure(await lab.run(['ls']), 1, 'To convert the database: backy2 convert-db --to classic');
  configure('compact');
  expect(await lab.ok('-ms', 'ls', '-f', 'uid,valid')).toBe(`${uid}|1\n`);
  await lab.ok('restore', uid, 'null://');
  expect(await lab.ok('convert-db', '--to', 'classic', '-n')).toContain(
    'Would convert 20 blocks (versions: 1) from compact to classic',
  );
  expect(revision()).toEqual(COMPACT);
});

test.each([
  [['--to', 'x'], 2, '--to takes classic or compact, not "x". See: backy2 convert-db --help'],
  [['--to', 'classic'], 100, 'The database has the layout classic already. Nothing was changed.'],
])('convert-db %j is refused', async (words, code, message) => {
  configure();
  await lab.ok('initdb');
  expectFailure(await lab.run(['convert-db', ...words]), code, message);
  expect(readdirSync(lab.folder).filter((name) => name.startsWith('new.sqlite'))).toEqual(['new.sqlite']);
});

test('a dry run of convert-db does not upgrade an old database', async () => {
  configure();
  await lab.ok('initdb');
  const db = new Database(lab.path('new.sqlite'));
  db.exec("UPDATE alembic_version SET version_num = '5260034b8125'");
  db.close();
  const before = readFileSync(lab.path('new.sqlite'));
  const refused = `The database ${lab.path('new.sqlite')} has an old revision.`;
  expectFailure(await lab.run(['convert-db', '--to', 'compact', '-n']), 1, refused);
  expect(readFileSync(lab.path('new.sqlite'))).toEqual(before);
  expect(readdirSync(lab.folder).filter((name) => name.startsWith('new.sqlite'))).toEqual(['new.sqlite']);
});
