import { Option } from 'commander';
import type { CommandWords, WordSpec } from '../../command.ts';
import { type ValueKind, valueKind } from './value-kinds.ts';

/** The words that may stand on the command line. */
interface Vocabulary {
  commands: readonly CommandWords[];
  /** The options before the command. */
  globals: readonly WordSpec[];
  /** The options that every command has. */
  common: readonly WordSpec[];
}

/** The kinds of words that fit at the cursor. */
export type Wanted = { what: 'nothing' } | { what: 'command' } | { what: 'option'; options: readonly WordSpec[] } | WantedValue;

/** An argument, or the value of an option. */
export interface WantedValue {
  what: 'value';
  kind: ValueKind;
  /** All values, if they are few. */
  choices: readonly string[];
  /** The part of the word before the value: `--tag=`, `-c`. */
  prefix: string;
  /** The part of the value that is typed already. */
  typed: string;
}

/** A command line, read up to the cursor. */
interface Analysis {
  wanted: Wanted;
  /** The value of -c. */
  configFile: string | undefined;
}

/**
 * Finds out which words fit at the cursor. Reads the words before it as the program would.
 * @param current the word at the cursor, up to the cursor.
 */
export function analyse(words: readonly string[], current: string, vocabulary: Vocabulary): Analysis {
  const line = new Line(vocabulary);
  for (const word of words) line.read(word);
  return { wanted: line.wanted(current), configFile: line.configFile };
}

/** An option of the command line. */
interface KnownOption {
  option: Option;
  choices: readonly string[];
}

/** The state of reading a command line. */
class Line {
  configFile: string | undefined;
  readonly #vocabulary: Vocabulary;
  #options: readonly WordSpec[];
  #command: CommandWords | undefined;
  #isWrong = false;
  #optionsHaveEnded = false;
  #args = 0;
  /** The option whose value comes next. */
  #pending: KnownOption | undefined;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#options = vocabulary.globals;
  }

  read(word: string): void {
    if (this.#pending !== undefined) {
      this.#give(this.#pending.option, word);
      this.#pending = undefined;
      return;
    }
    const given = this.#optionIn(word);
    if (given !== undefined) {
      if (given.value !== undefined) this.#give(given.option, given.value);
      else if (given.option.required) this.#pending = given;
      return;
    }
    if (word === '--' && this.#command !== undefined) this.#optionsHaveEnded = true;
    else if (word.startsWith('-') && word !== '-' && !this.#optionsHaveEnded) return;
    else if (this.#command !== undefined) this.#args++;
    else this.#enter(word);
  }

  wanted(current: string): Wanted {
    if (this.#isWrong) return { what: 'nothing' };
    if (this.#pending !== undefined) return wantedValue(this.#pending, { prefix: '', typed: current });
    const given = this.#optionIn(current);
    if (given?.value !== undefined) {
      const prefix = current.slice(0, current.length - given.value.length);
      return wantedValue(given, { prefix, typed: given.value });
    }
    if (current.startsWith('-') && !this.#optionsHaveEnded) return { what: 'option', options: this.#options };
    if (this.#command === undefined) return { what: 'command' };
    const { args } = this.#command;
    const last = args.at(-1);
    const arg = args[this.#args] ?? (last?.[0].includes('...') ? last : undefined);
    if (arg === undefined) return { what: 'nothing' };
    const [syntax, , choices = []] = arg;
    return { what: 'value', kind: valueKind(syntax), choices, prefix: '', typed: current };
  }

  #enter(word: string): void {
    this.#command = this.#vocabulary.commands.find(({ name }) => name === word);
    if (this.#command === undefined) this.#isWrong = true;
    else this.#options = [...this.#command.options, ...this.#vocabulary.common];
  }

  #give(option: Option, value: string): void {
    if (option.long === '--configfile') this.configFile = value;
  }

  /**
   * The last option of a word (`--tag`, `--ta=x`, `-ms`, `-mcFILE`), and its value if the word has
   * it.
   */
  #optionIn(word: string): (KnownOption & { value: string | undefined }) | undefined {
    if (this.#optionsHaveEnded || !word.startsWith('-')) return undefined;
    const options = this.#options.map(([flags, , choices = []]) => ({ option: new Option(flags), choices }));
    if (word.startsWith('--')) {
      const [name = '', ...rest] = word.split('=');
      const option = longOption(name, options);
      return option === undefined ? undefined : { ...option, value: rest.length === 0 ? undefined : rest.join('=') };
    }
    let found: KnownOption | undefined;
    for (let at = 1; at < word.length; at++) {
      found = options.find(({ option }) => option.short === `-${word[at]}`);
      if (found === undefined) return undefined;
      if (found.option.required && at + 1 < word.length) return { ...found, value: word.slice(at + 1) };
    }
    return found === undefined ? undefined : { ...found, value: undefined };
  }
}

/** Finds an option by its long name or an unambiguous abbreviation of it. */
function longOption(name: string, options: readonly KnownOption[]): KnownOption | undefined {
  const exact = options.find(({ option }) => option.long === name);
  if (exact !== undefined || name === '--') return exact;
  const matches = options.filter(({ option }) => option.long?.startsWith(name));
  return matches.length === 1 ? matches[0] : undefined;
}

function wantedValue({ option, choices }: KnownOption, { prefix, typed }: Pick<WantedValue, 'prefix' | 'typed'>): WantedValue {
  return { what: 'value', kind: valueKind(option.flags), choices, prefix, typed };
}
