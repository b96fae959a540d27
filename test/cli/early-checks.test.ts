import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { SCHEDULERS } from '../support/labs/schedule-lab.ts';
import { oldSchema, writeDatabase } from '../support/old/old-database.ts';

const UID = '11111111-1111-1111-8111-111111111111';

/**
 * Command lines with a mistake: words, exit code, part of the error. LAB stands for the folder of
 * the lab.
 */
const MISTAKES: [words: string, code: number, error: string][] = [
  ['ls -f uid,nope', 100, 'Unknown field "nope"'],
  ['ls -f uid,uid', 100, 'A field is named twice'],
  ['stats -f nope', 100, 'Unknown field "nope"'],
  ['stats -l many', 2, '-l takes a whole number'],
  ['du -f nope', 100, 'Unknown field "nope"'],
  ['due -f nope', 100, 'Unknown field "nope"'],
  ['due -s nope', 100, 'There is no scheduler "nope"'],
  ['due -s ,', 100, '-s names no scheduler'],
  ['due -s broken', 1, '[broken] interval: "1x" is not'],
  ['sla -f nope', 100, 'Unknown field "nope"'],
  ['sla -s nope', 100, 'There is no scheduler "nope"'],
  ['check-storage -f nope', 100, 'Unknown field "nope"'],
  ['check-metadata -f nope', 100, 'Unknown field "nope"'],
  [`expire ${UID} tomorrow`, 1, '"tomorrow" is not a date'],
  ['backup -e tomorrow null://8kB vm', 1, '"tomorrow" is not a date'],
  ['backup vm vm', 100, 'Invalid URL "vm"'],
  ['backup tape://8kB vm', 100, 'Unknown type of source'],
  ['backup null://8XB vm', 100, 'null://8XB needs a size'],
  ['backup rbd://pool vm', 100, 'names no image'],
  ['backup -r LAB/none null://8kB vm', 100, 'Cannot read the hints file'],
  ['backup -r LAB/hints null://8kB vm', 100, 'is not JSON'],
  ['backup --diff-from mon null://8kB vm', 2, '--diff-from needs a snapshot as source'],
  ['backup --diff-from mon -r LAB/hints null://8kB vm', 2, '--diff-from cannot be combined with -r'],
  ['backup --auto -f x rbd://pool/image', 2, '--auto cannot be combined with -f'],
  ['backup --auto null://8kB', 2, '--auto needs an RBD image without a snapshot'],
  ['backup --auto rbd://pool/* vm', 2, 'The name "vm" would be the same for all images'],
  ['backup --auto --keep-snapshots 0 rbd://pool/image', 2, '--keep-snapshots must be 1 or more'],
  ['backup --dry-run null://8kB vm', 2, '--dry-run needs --auto'],
  [`restore ${UID} LAB/target`, 100, 'Invalid URL'],
  [`restore -c x ${UID} null://`, 2, '-c takes a whole number'],
  [`scrub -p 101 ${UID}`, 2, '-p takes a number from 0 to 100'],
  [`scrub -s tape://x ${UID}`, 100, 'Unknown type of source'],
  ['scrub --all -p x', 2, '-p takes a number from 0 to 100'],
  ['scrub --oldest x', 2, '--oldest takes a number from 0 to 100'],
  ['scrub --budget 5', 2, '--budget takes a time'],
  ['scrub --coverage --days x', 2, '--days takes numbers of days'],
  [`repair ${UID}`, 2, 'repair needs a source'],
  [`repair -s LAB/image ${UID}`, 100, 'Invalid URL'],
  ['cleanup -p /', 2, '-p takes the first letters of a blob uid'],
  ['cleanup --yes-delete 1', 2, '--yes-delete needs --full'],
  ['cleanup -f --yes-delete x', 2, '--yes-delete takes a whole number'],
  ['nbd --port 65536', 2, '--port takes a number up to 65535'],
  ['nbd --socket x --port 1', 2, '--socket excludes --address and --port'],
  ['nbd --save --read-only', 2, 'exclude each other'],
  ['rekey abc', 2, 'is not 64 hex digits'],
  ['rekey --old-key-file LAB/none', 100, 'Cannot read the old key'],
];

let lab: Lab;
let before: Buffer;
beforeAll(() => {
  lab = new Lab({ config: { ...SCHEDULERS, broken: { interval: '1x', keep: 2, sla: '1h' } } });
  lab.write('hints', 'nonsense');
  // An upgrade of this database changes its file and leaves a copy beside it.
  writeDatabase(lab.path('old.sqlite'), oldSchema(undefined, 'created'), {});
  before = readFileSync(lab.path('old.sqlite'));
});
afterAll(() => lab.remove());

const words = (line: string) => line.replaceAll('LAB', lab.folder).split(' ');

test.each(MISTAKES)('%s fails before an old database is upgraded', async (line, code, error) => {
  lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('old.sqlite')}` } });
  expectFailure(await lab.run(words(line)), code, error);
  expect(readFileSync(lab.path('old.sqlite'))).toEqual(before);
  expect(readdirSync(lab.folder).filter((name) => name.startsWith('old.sqlite'))).toEqual(['old.sqlite']);
});

test('a mistake fails before the embedded database is created', async () => {
  const env = { XDG_DATA_HOME: lab.path('xdg') };
  expectFailure(await lab.runBare(['ls', '-f', 'nope'], { cwd: lab.path('home'), env }), 100, 'Unknown field "nope"');
  expect(existsSync(lab.path('xdg/backy2/backy.sqlite'))).toBe(false);
});

test('a folder of the embedded default that is a link to nowhere is one error', async () => {
  symlinkSync(lab.path('unmounted/x'), lab.path('backy2'));
  const result = await lab.runBare(['ls'], { cwd: lab.path('home'), env: { XDG_DATA_HOME: lab.folder } });
  expectFailure(result, 1, `Cannot make the folder ${lab.path('backy2/locks')}: ENOENT`);
});

test('a command line without a mistake upgrades the old database', async () => {
  lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('old.sqlite')}` } });
  await lab.ok('ls');
  expect(readFileSync(lab.path('old.sqlite'))).not.toEqual(before);
});
