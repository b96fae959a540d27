import { Option } from 'commander';
import type { CommandWords } from '../../command.ts';
import { type ValueKind, valueKind } from './value-kinds.ts';

/** Options as commands define them. */
export type OptionList = readonly (readonly [flags: string, description: string])[];

/** The words that can stand on the command line. */
export interface Vocabulary {
  commands: readonly CommandWords[];
  /** The options before the command. */
  globals: OptionList;
  /** The options that every command has. */
  common: OptionList;
}

/** What the word at the cursor can become. */
export type Wanted = { what: 'nothing' } | { what: 'command' } | { what: 'option'; options: OptionList } | WantedValue;

/** An argument, or the value of an option. */
export interface WantedValue {
  what: 'value';
  kind: ValueKind;
  description: string;
  /** What stands before the value in the same word: `--tag=`, `-c`. */
  prefix: string;
  /** What of the value is there. */
  typed: string;
}

/** What a command line says up to the cursor. */
export interface Analysis {
  wanted: Wanted;
  /** The value of -c. */
  configFile: string | undefined;
}

/** Reads the words before the cursor's, as the program itself would, to tell what the cursor's word can become. */
export function analyse(words: readonly string[], current: string, vocabulary: Vocabulary): Analysis {
  const line = new Line(vocabulary);
  for (const word of words) line.read(word);
  return { wanted: line.wanted(current), configFile: line.configFile };
}

class Line {
  configFile: string | undefined;
  readonly #vocabulary: Vocabulary;
  #options: OptionList;
  #command: CommandWords | undefined;
  #isWrong = false;
  #optionsHaveEnded = false;
  #args = 0;
  /** The option whose value comes next. */
  #pending: Option | undefined;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#options = vocabulary.globals;
  }

  read(word: string): void {
    if (this.#pending !== undefined) {
      this.#give(this.#pending, word);
      this.#pending = undefined;
      return;
    }
    const given = this.#optionIn(word);
    if (given !== undefined) {
      if (given.value !== undefined) this.#give(given.option, given.value);
      else if (given.option.required) this.#pending = given.option;
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
      return wantedValue(given.option, { prefix, typed: given.value });
    }
    if (current.startsWith('-') && !this.#optionsHaveEnded) return { what: 'option', options: this.#options };
    if (this.#command === undefined) return { what: 'command' };
    const { args } = this.#command;
    const last = args.at(-1);
    const arg = args[this.#args] ?? (last?.[0].includes('...') ? last : undefined);
    if (arg === undefined) return { what: 'nothing' };
    return { what: 'value', kind: valueKind(arg[0]), description: arg[1], prefix: '', typed: current };
  }

  #enter(word: string): void {
    this.#command = this.#vocabulary.commands.find(({ name }) => name === word);
    if (this.#command === undefined) this.#isWrong = true;
    else this.#options = [...this.#command.options, ...this.#vocabulary.common];
  }

  #give(option: Option, value: string): void {
    if (option.long === '--configfile') this.configFile = value;
  }

  /** The option that a word ends with (`--tag`, `--ta=x`, `-ms`, `-mcFILE`), and its value if that is in the word as well. */
  #optionIn(word: string): { option: Option; value: string | undefined } | undefined {
    if (this.#optionsHaveEnded || !word.startsWith('-')) return undefined;
    const options = this.#options.map(([flags, description]) => new Option(flags, description));
    if (word.startsWith('--')) {
      const [name = '', ...rest] = word.split('=');
      const option = longOption(name, options);
      return option === undefined ? undefined : { option, value: rest.length === 0 ? undefined : rest.join('=') };
    }
    let found: Option | undefined;
    for (let at = 1; at < word.length; at++) {
      found = options.find(({ short }) => short === `-${word[at]}`);
      if (found === undefined) return undefined;
      if (found.required && at + 1 < word.length) return { option: found, value: word.slice(at + 1) };
    }
    return found === undefined ? undefined : { option: found, value: undefined };
  }
}

/** Abbreviated options count, where they are unambiguous. */
function longOption(name: string, options: readonly Option[]): Option | undefined {
  const exact = options.find(({ long }) => long === name);
  if (exact !== undefined || name === '--') return exact;
  const matches = options.filter(({ long }) => long?.startsWith(name));
  return matches.length === 1 ? matches[0] : undefined;
}

function wantedValue({ flags, description }: Option, { prefix, typed }: { prefix: string; typed: string }): WantedValue {
  return { what: 'value', kind: valueKind(flags), description, prefix, typed };
}
