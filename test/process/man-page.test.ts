import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/cli/commands/index.ts';
import { GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION } from '../../src/cli/options/global-options.ts';
import { Running } from '../support/program/process.ts';
import { describeWith } from '../support/program/with-tool.ts';

const ROOT = new URL('../../', import.meta.url);
const { man, files, version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  man: string[];
  files: string[];
  version: string;
};
const PAGE = fileURLToPath(new URL(man[0] ?? '', ROOT));
const ROFF = readFileSync(PAGE, 'utf8');

const SECTIONS = [
  ...['NAME', 'SYNOPSIS', 'DESCRIPTION', 'GLOBAL OPTIONS', 'COMMANDS', 'SOURCES AND TARGETS', 'EXIT STATUS', 'FILES'],
  ...['ENVIRONMENT', 'EXAMPLES', 'SEE ALSO'],
];

describe('the manual page', () => {
  test('is where the package says, and is packed', () => {
    // An array: npm does not link a single string.
    expect(man).toEqual(['man/backy2.1']);
    expect(files).toContain('man');
    expect(ROFF).toMatch(new RegExp(`^\\.TH BACKY2 1 \\d{4}\\\\?-\\d\\d\\\\?-\\d\\d "backy2 ${version}"\n`));
  });

  test('has its sections', () => {
    expect([...ROFF.matchAll(/^\.SH (.*)$/gm)].map(([, heading]) => heading)).toEqual(SECTIONS);
  });

  test('tells of every global option', () => {
    const told = termsIn(ROFF.split('.SH ')[SECTIONS.indexOf('GLOBAL OPTIONS') + 1] ?? '');
    const options = [...GLOBAL_OPTIONS, VERSION_OPTION, HELP_OPTION];
    expect(told).toEqual(options.map(([flags, description]) => `${plainWords(flags)}: ${description}`));
  });

  test.each(ALL_COMMANDS.map((command) => [command.name, command] as const))(
    'tells of %s, its arguments and options',
    (name, command) => {
      const part = ROFF.split(/^\.S[SH] /m).find((text) => plain(text).startsWith(`backy2 ${name}`)) ?? '';
      expect(flowing(part)).toContain(` ${command.description} `);
      const args = command.args.map(([syntax, description]) => [
        syntax.startsWith('[') ? `[${plainWords(syntax)}]` : plainWords(syntax),
        description,
      ]);
      const options = command.options.map(([flags, description]) => [plainWords(flags), description]);
      expect(termsIn(part)).toEqual(
        [...args, ...options].map(([term, meaning = '']) => `${term}: ${meaning.replaceAll(/,(?=\S)/g, ', ')}`),
      );
      for (const [line] of command.examples ?? []) expect(plain(part)).toContain(`\n${line}\n`);
    },
  );

  test('tells every exit code', () => {
    const told = termsIn(ROFF.split('.SH ')[SECTIONS.indexOf('EXIT STATUS') + 1] ?? '').map((term) => term.split(':')[0]);
    expect(told).toEqual(['0', '1', '2', '5', '6', '20', '22', '23', '100', '130, 143', '141']);
  });
});

describeWith('groff', 'groff', () => {
  test('sets the page without a warning, its marks turned into fonts', async () => {
    const { code, stdout, stderr } = await run('groff', '-man', '-Tascii', '-P-c', '-P-b', '-P-u', '-ww', PAGE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^NAME\n +backy2 - /m);
    expect(stdout).toMatch(/^ +null:\/\/SIZE$/m);
    expect(stdout).not.toMatch(/\*\w|\w\*|(^|\s)_\w|\w_(\s|$)/m);
  });
});

describeWith('mandoc', 'mandoc', () => {
  test('finds nothing to warn of', async () => {
    expect(await run('mandoc', '-Tlint', '-Wwarning', PAGE)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});

/** `term: meaning` of each tagged paragraph. */
function termsIn(roff: string): string[] {
  return roff
    .split('.TP\n')
    .slice(1)
    .map((item) => {
      const [term = '', ...meaning] = (item.split(/^\.\w\w/m)[0] ?? '').trimEnd().split('\n');
      return `${plain(term)}: ${flowing(meaning.join('\n')).trim()}`;
    });
}

/** `-f, --fields <fields>` without its brackets. */
function plainWords(syntax: string): string {
  return syntax.replaceAll(/[<>[\]]/g, '').replace('...', ' ...');
}

/** Roff without escapes and fonts. */
function plain(roff: string): string {
  return roff
    .replaceAll(/\\f[BIR]|\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\')
    .replaceAll(/\\\[u([0-9A-F]+)\]/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}

/** The same, with wrapped lines joined. */
function flowing(roff: string): string {
  return ` ${plain(roff).replaceAll(/\s+/g, ' ')} `;
}

function run(...command: string[]) {
  return new Running(command, { env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8' } }).ended;
}
