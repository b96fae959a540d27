import type { Command as Commander, HelpConfiguration } from 'commander';
import type { CommandWords } from '../command.ts';
import { GLOBAL_OPTIONS, SUMMARY } from '../options/global-options.ts';

const DEFAULT_COLUMNS = 80;
const FIRST_EXAMPLES = [
  'backy2 backup file:///dev/vg0/web web',
  'backy2 ls web',
  'backy2 restore UID file:///dev/vg0/web -f',
  'backy2 scrub UID',
];

/** How commander lays the help out: each command by its name alone, lists with places to break the line at. */
export const HELP_FORMAT: HelpConfiguration = {
  subcommandTerm: (command) => command.name(),
  optionDescription: (option) => breakable(option.description),
  argumentDescription: (argument) => breakable(argument.description),
};

/** The columns that help may take: `COLUMNS`, as the original does, else the terminal's, else 80. */
export function helpColumns(): number {
  const wanted = Number(process.env.COLUMNS);
  if (Number.isInteger(wanted) && wanted > 0) return wanted;
  return process.stdout.columns ?? DEFAULT_COLUMNS;
}

/** `[-v] … [-c FILE] COMMAND …`: what goes after the program's name. */
export function usageLine(): string {
  const options = GLOBAL_OPTIONS.map(([flags]) => `[${flags.replace(/^(-\w), \S+/, '$1').replace('<file>', 'FILE')}]`);
  return `${options.join(' ')} COMMAND …`;
}

/** What is printed when no command was given: how to call the program, and what it can do. */
export function briefUsage(commands: readonly CommandWords[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, description }) => {
    const [first = '', ...more] = wrapped(description, helpColumns() - width - 4);
    return [`  ${name.padEnd(width)}  ${first}`, ...more.map((line) => `${' '.repeat(width + 4)}${line}`)].join('\n');
  });
  return [
    `usage: backy2 ${usageLine()}`,
    ...['', SUMMARY, '', 'Commands:', ...list, ''],
    'backy2 --help tells more, and backy2 COMMAND --help all about a command.',
    '',
  ].join('\n');
}

/** What stands below the help of the program. */
export function programHelpEnd(): string {
  const examples = FIRST_EXAMPLES.map((line) => `  ${line}`);
  return ['', 'Examples:', ...examples, '', 'backy2 COMMAND --help tells all about a command, man backy2 about everything.'].join(
    '\n',
  );
}

/** Adds a command's examples below its help. */
export function addExamples(commander: Commander, { examples = [] }: CommandWords): void {
  if (examples.length === 0) return;
  const lines = examples.flatMap(([line, what]) => [`  ${line}`, `      ${what}`]);
  commander.addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
}

/** Gives `a,b,c` a place to break the line after each comma; the program takes lists with blanks as well. */
export function breakable(description: string): string {
  return description.replaceAll(/,(?=\S)/g, ', ');
}

/** Text in lines of so many characters, broken at blanks. */
function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
