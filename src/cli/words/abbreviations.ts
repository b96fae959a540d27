import { BackyError } from '../../errors.ts';

/** The long options of the program or a command, and which of all its options take a value. */
export interface OptionNames {
  long: string[];
  /** Those of `long` that have a letter as well, as nearly all of the original have. */
  lettered: string[];
  takesValue(option: string): boolean;
}

/**
 * Expands abbreviated long options (`--snap` to `--snapshot-name`). The original accepts them, so
 * cron jobs may use them. An abbreviation that fits several options, but only one with a letter,
 * means that one: newer options must not take it away.
 * @param program the options before the subcommand.
 * @param commandNames returns the options of a subcommand.
 * @throws BackyError `usage` for an ambiguous abbreviation.
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
      // In a cluster such as -mc FILE, the next word is a value and not the subcommand.
      if (current.takesValue(`-${word.slice(-1)}`) && !clusterHasValue(word, current) && index + 1 < argv.length)
        out.push(argv[++index] ?? '');
      continue;
    }
    current = commandNames(word) ?? { long: [], lettered: [], takesValue: () => false };
    inProgram = false;
  }
  return out;
}

/** Whether a letter before the last one takes the rest of the cluster as its value (-cFILE). */
function clusterHasValue(word: string, names: OptionNames): boolean {
  return [...word.slice(1, -1)].some((letter) => names.takesValue(`-${letter}`));
}

function expand(word: string, { long, lettered }: OptionNames): string {
  const [name = '', ...value] = word.split('=');
  if (long.includes(name)) return word;
  const matches = long.filter((option) => option.startsWith(name));
  const older = lettered.filter((option) => option.startsWith(name));
  const [match] = older.length === 1 ? older : matches;
  if (matches.length > 1 && older.length !== 1) {
    throw new BackyError('usage', `Ambiguous option: ${name} could match ${matches.join(', ')}.`, {
      hint: 'Write more letters.',
    });
  }
  return match === undefined ? word : [match, ...value].join('=');
}
