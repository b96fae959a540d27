import { expect, test } from 'vitest';
import { BINARY, Running } from '../support/program/process.ts';

/** Command lines and their error lines. */
const WRONG: [words: string, line: string][] = [
  ['bakcup', 'unknown command "bakcup". Did you mean backup?'],
  ['remove-tags UID x', 'unknown command "remove-tags". Did you mean remove-tag?'],
  ['LS', 'unknown command "LS". Did you mean ls?'],
  ['l', 'unknown command "l". Did you mean ls?'],
  ['frobnicate --nope', 'unknown command "frobnicate". backy2 --help lists the commands.'],
  ['-X', 'unknown option "-X". See: backy2 --help'],
  ['--verbsoe ls', 'unknown option "--verbsoe". Did you mean --verbose?'],
  ['--verbos=3 ls', 'option --verbose takes no value. See: backy2 --help'],
  ['-c', 'option -c, --configfile <file> needs a value. See: backy2 --help'],
  ['--conf', 'option -c, --configfile <file> needs a value. See: backy2 --help'],
  ['--dangerous-force cleanup', 'unknown option "--dangerous-force". It goes after its command: cleanup.'],
  ['ls --nope', 'ls: unknown option "--nope". See: backy2 ls --help'],
  ['ls --snapshto-name=x', 'ls: unknown option "--snapshto-name". Did you mean --snapshot-name?'],
  ['ls --snpa x', 'ls: unknown option "--snpa". Did you mean --snapshot-name?'],
  ['ls -m', 'ls: unknown option "-m". It goes before the command: backy2 -m ls …'],
  ['ls --fields', 'ls: option -f, --fields <fields> needs a value. See: backy2 ls --help'],
  ['ls a b c', 'ls: too many arguments: "b" "c". It takes [name].'],
  ['convert-db', 'convert-db needs --to classic or --to compact.'],
  ['initdb x', 'initdb: too many arguments: "x". It takes none.'],
  ['backup', 'backup: missing arguments: <source> <name>. See: backy2 backup --help'],
  ['backup -s snap file:///x', 'backup: missing argument: <name>. See: backy2 backup --help'],
  ['rm', 'rm: missing argument: <version_uids...>. See: backy2 rm --help'],
  ['completion', 'completion: missing argument: <shell>. See: backy2 completion --help'],
  ['completion bsh', 'completion: unknown shell "bsh". Did you mean bash?'],
  ['completion powershell', 'completion: unknown shell "powershell". Known shells: bash, zsh, fish.'],
  // A shell passes each byte that is not UTF-8 on; Node puts this character in its place.
  [
    'backup file:///x caf\uFFFD',
    '"caf\uFFFD" is not valid UTF-8. Names and paths must be. Rename the file, or name the version by its uid.',
  ],
  ['--ver', 'Ambiguous option: --ver could match --verbose, --version. Write more letters.'],
  ['restore --s --f --no-such UID x', 'restore: unknown option "--no-such". See: backy2 restore --help'],
];

test.each(WRONG)('%s', async (words, line) => {
  const { code, stdout, stderr } = await run(words.split(' '));
  expect(stderr).toBe(`error: ${line}\n`);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('--json after the command is wrong too, and answered in JSON', async () => {
  const { code, stdout, stderr } = await run(['ls', '--json']);
  expect(stderr).toBe('error: ls: unknown option "--json". It goes before the command: backy2 --json ls …\n');
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: 'usage', message: 'ls: unknown option "--json".', hint: 'It goes before the command: backy2 --json ls …' },
  });
});

test('control characters of a wrong word do not reach the terminal', async () => {
  const { stderr } = await run(['a\nb\x1b[2J\x9b']);
  expect(stderr).toBe('error: unknown command "a\\nb\\x1b[2J\\x9b". backy2 --help lists the commands.\n');
});

function run(words: string[]) {
  return new Running([BINARY, ...words], { env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' } }).ended;
}
