import type { Command as Commander, HelpConfiguration } from 'commander';
import type { CommandWords } from '../command.ts';
import { GLOBAL_OPTIONS, SUMMARY } from '../options/global-options.ts';
import { isTerminal } from '../output/terminal.ts';

const DEFAULT_COLUMNS = 80;
const FIRST_EXAMPLES = [
  'backy2 backup file:///dev/vg0/web web',
  'backy2 ls web',
  'backy2 restore UID file:///dev/vg0/web -f',
  'backy2 scrub UID',
];

/** Commander's layout of help: commands by name only, and lists that can wrap. */
export const HELP_FORMAT: HelpConfiguration = {
  subcommandTerm: (command) => command.name(),
  optionDescription: (option) => breakable(option.description),
  argumentDescription: (argument) => breakable(argument.description),
};

/** The width of help: `COLUMNS`, as in the original, else the terminal's, else 80. */
export function helpColumns(): number {
  const wanted = Number(process.env.COLUMNS);
  if (Number.isInteger(wanted) && wanted > 0) return wanted;
  // For a pipe, the stream would change its flags for all of its users.
  return (isTerminal(1) ? process.stdout.columns : undefined) ?? DEFAULT_COLUMNS;
}

/** `[-vd…] [-c FILE] … COMMAND …`: the usage after the program's name. */
export function usageLine(): string {
  const words = GLOBAL_OPTIONS.map(([flags]) =>
    flags.replace(/^(-\w), \S+/, '$1').replace(/<(.*)>/, (_, value: string) => value.toUpperCase()),
  );
  const flags = words.filter((word) => /^-\w$/.test(word)).map((word) => word.slice(1));
  const others = words.filter((word) => !/^-\w$/.test(word)).map((word) => `[${word}]`);
  return [`[-${flags.join('')}]`, ...others, 'COMMAND …'].join(' ');
}

/** Printed when no command was given: usage and the list of commands. */
export function briefUsage(commands: readonly CommandWords[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, description }) => {
    const [first = '', ...more] = wrapped(description, helpColumns() - width - 4);
    return [`  ${name.padEnd(width)}  ${first}`, ...more.map((line) => `${' '.repeat(width + 4)}${line}`)].join('\n');
  });
  return [
    `usage: backy2 ${usageLine()}`,
    ...['', SUMMARY, '', 'Commands:', ...list, ''],
    'For more: backy2 --help and backy2 COMMAND --help',
    '',
  ].join('\n');
}

/** The end of the program's help. */
export function programHelpEnd(): string {
  const examples = FIRST_EXAMPLES.map((line) => `  ${line}`);
  return ['', 'Examples:', ...examples, '', 'For more: backy2 COMMAND --help and man backy2'].join('\n');
}

/** Adds a command's examples below its help. */
export function addExamples(commander: Commander, { examples = [] }: CommandWords): void {
  if (examples.length === 0) return;
  const lines = examples.flatMap(([line, what]) => [`  ${line}`, `      ${what}`]);
  commander.addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
}

/**
 * Inserts a space after each comma of `a,b,c`, so that it can wrap. The program accepts these
 * spaces.
 */
export function breakable(description: string): string {
  return description.replaceAll(/,(?=\S)/g, ', ');
}

/** Wraps text at spaces. @param width characters. */
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
