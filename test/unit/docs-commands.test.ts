import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/cli/commands/index.ts';
import { Printer } from '../../src/cli/output/printer.ts';
import { parseWords } from '../../src/cli/program.ts';
import { BackyError } from '../../src/errors.ts';
import { commandsOfPage, commandsOfScript, type DocumentedCommand } from '../support/docs/documented-commands.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NAMES = ALL_COMMANDS.map(({ name }) => name);
/** Errors that no further argument mends. */
const WRONG = /unknown|too many|takes no value|ambiguous|goes (before|after)/i;

/** @returns why the program refuses a command line, or undefined. */
function refusal({ argv, isPart }: Pick<DocumentedCommand, 'argv' | 'isPart'>): string | undefined {
  if (argv.length === 0 || argv.includes('COMMAND')) return undefined;
  try {
    parseWords(argv, new Printer(true));
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    if (!(error instanceof BackyError)) throw error;
    const problem = [error.message, error.hint].join(' ');
    return isPart && !WRONG.test(problem) ? undefined : problem;
  }
  return undefined;
}

const files = readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`);
const pages = ['README.md', 'CONTRIBUTING.md', ...files.filter((file) => file.endsWith('.md'))];
const scripts = ['scripts/demo.sh', ...files.filter((file) => /^docs\/(scripts|systemd)\//.test(file))];
/** Lines that show an error, with what follows them. */
const SHOWN_ERRORS = /backy2 (bakcup|ls -m)$/;

test.each([...pages, ...scripts])('the program takes each command line of %s', (file) => {
  const text = readFileSync(`${ROOT}${file}`, 'utf8');
  const found = file.endsWith('.md') ? commandsOfPage(text, NAMES) : commandsOfScript(text);
  expect(refusals(found.filter(({ argv }) => !SHOWN_ERRORS.test(`backy2 ${argv.join(' ')}`)))).toEqual([]);
});

test('the program takes the examples of its help, and those of backy.cfg.example', () => {
  const examples = ALL_COMMANDS.flatMap(({ examples = [] }) => examples.map(([line]) => line));
  const config = readFileSync(`${ROOT}backy.cfg.example`, 'utf8').replace(/^#/gm, ' ');
  const quoted = [...config.matchAll(/"(backy2 [^"]*)"/g)].map(([, line = '']) => ({
    ...commandsOfScript(line)[0],
    isPart: true,
  }));
  const found = [...commandsOfScript(examples.join('\n')), ...commandsOfPage(config, NAMES), ...quoted];
  expect(found.length).toBeGreaterThan(30);
  expect(refusals(found)).toEqual([]);
});

test.each([
  ['    backy2 -ms ls -e -f uid | xargs -r -n 1 backy2 -m rm; backy2 bakcup', [[1, 'bakcup']]],
  ['Text.\n\n    0 7 * * *  root  backy2 -ms sla --al >/dev/null', [[3, '-ms sla --al']]],
  ['    x=$(backy2 ls -f uid) backy2 restore "a b" \\\n      c d', [[1, 'restore a b c d']]],
  ['    say "$(backy2 ls a b)"; backy2 backup-db -f x-$(date +%u)', [[1, 'ls a b']]],
  ['```\nExecStart=/usr/local/bin/backy2 scrub --oldst 4\n```', [[2, 'scrub --oldst 4']]],
  [
    'Run `backy2 scrub`, `backy2 scrub [-s SOURCE] [-x COUNT] UID`, or `cleanup --ful\\|l`.',
    [[1, 'scrub -s SOURCE -x COUNT UID']],
  ],
  ['`scrub --everything` and `rm --force`, `backy2 completion bash\\|zsh`', [[1, 'scrub --everything']]],
  ['    apt install backy2 || ls /var/lib/backy2 -l; sudo backy2 ls # backy2 x', []],
])('of %j, the wrong calls are found', (page, wrong) => {
  const refused = commandsOfPage(page, NAMES).filter((call) => refusal(call) !== undefined);
  expect(refused.map(({ line, argv }) => [line, argv.join(' ')])).toEqual(wrong);
});

function refusals(calls: readonly Partial<DocumentedCommand>[]): string[] {
  return calls.flatMap(({ line = 0, argv = [], isPart = false }) => {
    const why = refusal({ argv, isPart });
    return why === undefined ? [] : `line ${line}: backy2 ${argv.join(' ')}: ${why}`;
  });
}
