import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';
import { BINARY, Running } from '../support/program/process.ts';
import { type Typed, typeInto } from '../support/program/typed-shell.ts';
import { describeWith } from '../support/program/with-tool.ts';

let lab: Lab;
let web: string;
let other: string;
beforeAll(async () => {
  lab = await Lab.create({ config: { hourly: { interval: '1h', keep: 3, sla: '30m' } } });
  web = await lab.backup('-s', 'monday', '-t', 'b_daily', 'null://10kB', 'web');
  other = await lab.backup('-t', 'b_weekly', 'null://10kB', 'my vm');
  await lab.backup('-t', 'b_weekly', 'null://10kB', 'db:main');
  lab.write('hint list.json', '[]');
  mkdirSync(lab.path('tar get/inner'), { recursive: true });
});
afterAll(() => lab.remove());

/** Lines before and after a tab. `WEB` stands for the uid of web's version. */
const COMPLETED: [typed: string, line: string][] = [
  ['backy2 rest', 'backy2 restore '],
  ['backy2 -ms ls --snap', 'backy2 -ms ls --snapshot-name '],
  ['backy2 ls web --exp', 'backy2 ls web --expired '],
  ['backy2 -c ba', 'backy2 -c backy.'],
  ['backy2 -c backy.cfg scrub WEB', 'backy2 -c backy.cfg scrub WEB '],
  ['backy2 -mc backy.cfg ls w', 'backy2 -mc backy.cfg ls web '],
  ['backy2 -c backy.cfg ls my', 'backy2 -c backy.cfg ls my\\ vm '],
  ['backy2 -c backy.cfg ls my\\ ', 'backy2 -c backy.cfg ls my\\ vm '],
  ['backy2 -c backy.cfg ls "my', 'backy2 -c backy.cfg ls "my vm" '],
  ['backy2 -c backy.cfg ls db:', 'backy2 -c backy.cfg ls db:main '],
  ['backy2 -c backy.cfg ls -s m', 'backy2 -c backy.cfg ls -s monday '],
  ['backy2 -c backy.cfg ls --tag=b_d', 'backy2 -c backy.cfg ls --tag=b_daily '],
  ['backy2 -c backy.cfg add-tag x b_daily,h', 'backy2 -c backy.cfg add-tag x b_daily,hourly '],
  ['backy2 -c backy.cfg backup fi', 'backy2 -c backy.cfg backup file://'],
  ['backy2 backup file://hint', 'backy2 backup file://hint\\ list.json '],
  ['backy2 restore x file:///tm', 'backy2 restore x file:///tmp/'],
  ['backy2 restore x file://tar', 'backy2 restore x file://tar\\ get/'],
  ['backy2 backup -r hi', 'backy2 backup -r hint\\ list.json '],
  ['backy2 backup --rbd=hi', 'backy2 backup --rbd=hint\\ list.json '],
  ['backy2 export x tar', 'backy2 export x tar\\ get/'],
  ['backy2 completion f', 'backy2 completion fish '],
  ['backy2 bakcup ', 'backy2 bakcup '],
];

describe.each(['bash', 'zsh'] as const)('%s', (shell) => {
  describeWith(shell, 'completes what is typed on a terminal', () => {
    test('words, quoted where they must be, and file names', async () => {
      const real = (text: string) => text.replaceAll('WEB', web);
      const typed = await type(COMPLETED.map(([line]) => line.replace('WEB', web.slice(0, -1))));
      expect(typed.map(({ line }) => line)).toEqual(COMPLETED.map(([, line]) => real(line)));
    });

    test('lists candidates, in zsh with descriptions', async () => {
      const [commands, uids] = await type(['backy2 re', 'backy2 -c backy.cfg rm ']);
      const listed = (typed: Typed | undefined, word: string) =>
        typed?.listed.join('\n').match(new RegExp(`${word}( .*|$)`, 'm'))?.[1];
      expect(listed(commands, 'restore')).toBeDefined();
      expect(listed(commands, 'remove-tag')).toBeDefined();
      expect(listed(uids, web)).toBeDefined();
      expect(listed(uids, other)).toBeDefined();
      if (shell === 'zsh') {
        expect(listed(commands, 'remove-tag')).toMatch(/-- Remove tags/);
        expect(listed(uids, web)).toMatch(/ -- web monday \d{4}-\d\d-\d\d/);
        expect(listed(uids, other)).toMatch(/ -- my vm \d{4}-\d\d-\d\d/);
      }
    });

    const type = (lines: string[]) => typeInto(shell, lines, lab.folder);
  });
});

describe('bash', () => {
  describeWith('bash', 'without a terminal', () => {
    test.each([true, false])('the function fills COMPREPLY, with COMP_LINE: %s', async (hasLine) => {
      const line = 'backy2 -c backy.cfg ls w';
      const set = hasLine ? `COMP_LINE='${line}' COMP_POINT=${line.length}` : 'unset COMP_LINE COMP_POINT';
      const call = `COMP_WORDS=(${line}) COMP_CWORD=4; ${set}; _backy2; printf '%s,' "$COMPREPLY"`;
      expect(await run(['bash', '-c', `source <(backy2 completion bash); ${call}`])).toBe('web,');
    });

    test('words are put together without the line, too', async () => {
      const call = `COMP_WORDS=(backy2 restore x file : //hint) COMP_CWORD=5; _backy2; printf '%s,' "$COMPREPLY"`;
      expect(await run(['bash', '-c', `source <(backy2 completion bash); ${call}`])).toBe('//hint\\ list.json,');
    });
  });
});

describe('fish', () => {
  describeWith('fish', 'completes', () => {
    const complete = async (line: string) => {
      const script = 'source (backy2 completion fish | psub); complete -C $argv[1]';
      return (await run(['fish', '--no-config', '-c', script, line])).split('\n').slice(0, -1);
    };

    test('commands and options, with descriptions', async () => {
      const commands = await complete('backy2 re');
      expect(commands).toContain('restore\tRestore a version to a file, device, RBD image or pipe.');
      expect(commands).toContain('remove-tag\tRemove tags from a version.');
      expect(commands.filter((line) => !line.startsWith('re'))).toEqual([]);
      expect(await complete('backy2 ls --sn')).toEqual(['--snapshot-name\tlist only versions with this snapshot name']);
    });

    test('versions, names and tags of the database', async () => {
      const uids = await complete('backy2 -c backy.cfg rm ');
      expect(uids).toHaveLength(3);
      expect(uids[1]).toMatch(new RegExp(`^${other}\tmy vm \\d{4}-`));
      expect(uids[2]).toMatch(new RegExp(`^${web}\tweb monday \\d{4}-`));
      expect(await complete('backy2 -c backy.cfg ls my')).toEqual(['my vm\t1 version']);
      expect(await complete('backy2 -c backy.cfg ls db:')).toEqual(['db:main\t1 version']);
      expect(await complete('backy2 -c backy.cfg ls --tag=b_d')).toEqual(['--tag=b_daily\t1 version']);
      expect(await complete('backy2 -c backy.cfg add-tag x b_daily,h')).toEqual(['b_daily,hourly\tscheduler']);
    });

    test('file names', async () => {
      expect(await complete('backy2 -c backy.c')).toEqual(['backy.cfg']);
      expect(await complete('backy2 backup -r hint')).toEqual(['hint list.json']);
      expect(await complete('backy2 backup -r hint\\ l')).toEqual(['hint list.json']);
      expect(await complete('backy2 restore x fi')).toEqual(['file://\ta file or device']);
      expect(await complete('backy2 restore x file://tar')).toEqual(['file://tar get/']);
      expect(await complete('backy2 restore x file:///tm')).toEqual(['file:///tmp/']);
    });
  });
});

/** Runs a shell in the lab's folder, with the program on its PATH. @returns its stdout. */
async function run(command: string[]): Promise<string> {
  const env = { PATH: `${dirname(BINARY)}:${process.env.PATH ?? ''}`, HOME: lab.path('home'), LANG: 'C.UTF-8' };
  const { code, stdout, stderr } = await new Running(command, { cwd: lab.folder, env }).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}
