import { BackyError } from '../../errors.ts';

/** The long options of the program and of each command, and which of all options take a value. */
export interface OptionNames {
  long: string[];
  takesValue(option: string): boolean;
}

/**
 * Writes abbreviated long options out (`--snap` for `--snapshot-name`): the original accepts them, so cron jobs may use them.
 * @param names the options before the subcommand, and those of a subcommand by its name.
 */
export function expandAbbreviations(
  argv: readonly string[],
  program: OptionNames,
  commandNames: (command: string) => OptionNames | undefined,
): string[] {
  const out: string[] = [];
  let current = program;
  let inProgram = true;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--') return [...out, ...argv.slice(index)];
    if (word.startsWith('--')) {
      const expanded = expand(word, current);
      out.push(expanded);
      if (!expanded.includes('=') && current.takesValue(expanded) && index + 1 < argv.length) out.push(argv[++index] ?? '');
      continue;
    }
    out.push(word);
    if (!inProgram) continue;
    if (word.startsWith('-') && word.length > 1) {
      // The value of a short option that ends a cluster (-mc FILE) is not the subcommand.
      if (current.takesValue(`-${word.slice(-1)}`) && !clusterHasValue(word, current) && index + 1 < argv.length)
        out.push(argv[++index] ?? '');
      continue;
    }
    current = commandNames(word) ?? { long: [], takesValue: () => false };
    inProgram = false;
  }
  return out;
}

/** Whether an earlier letter of a cluster takes the rest of it as its value (-cFILE). */
function clusterHasValue(word: string, names: OptionNames): boolean {
  return [...word.slice(1, -1)].some((letter) => names.takesValue(`-${letter}`));
}

function expand(word: string, { long }: OptionNames): string {
  const [name = '', ...value] = word.split('=');
  if (long.includes(name)) return word;
  const matches = long.filter((option) => option.startsWith(name));
  if (matches.length > 1) {
    throw new BackyError('usage', `Ambiguous option: ${name} could match ${matches.join(', ')}.`, { hint: 'Write more of it.' });
  }
  return matches[0] === undefined ? word : [matches[0], ...value].join('=');
}
