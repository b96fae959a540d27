import { type Command as Commander, type CommanderError, Option } from 'commander';
import { BackyError } from '../../errors.ts';
import type { CommandWords, WordSpec } from '../command.ts';
import { GLOBAL_OPTIONS } from '../options/global-options.ts';
import { suggest } from './suggest.ts';

/** The part of the command line in which commander found an error. */
interface UsagePlace {
  /** The program, or one of its commands. */
  commander: Commander;
  /** Undefined: before the command. */
  command: CommandWords | undefined;
  commands: readonly CommandWords[];
}

/** Turns an error of commander into ours: one line, and a hint how to go on. */
export function usageError(error: CommanderError, place: UsagePlace): BackyError {
  switch (error.code) {
    case 'commander.unknownCommand':
      return unknownCommand(place);
    case 'commander.unknownOption':
      return unknownOption(quotedIn(error.message), place);
    case 'commander.missingArgument':
      return missingArguments(place);
    case 'commander.optionMissingArgument':
      return usage(place, `option ${quotedIn(error.message)} needs a value.`);
    case 'commander.excessArguments':
      return excessArgument(place);
    default:
      return usage(place, `${error.message.replace(/^error: /, '').replaceAll('\n', ' ')}.`);
  }
}

function unknownCommand(place: UsagePlace): BackyError {
  const word = place.commander.args[0] ?? '';
  const nearest = suggest(
    word,
    place.commands.map(({ name }) => name),
  );
  const hint = nearest === undefined ? 'backy2 --help lists the commands.' : `Did you mean ${nearest}?`;
  return new BackyError('usage', `unknown command "${word}".`, { hint });
}

function unknownOption(word: string, place: UsagePlace): BackyError {
  const [flag = word] = word.split('=');
  const what = `unknown option "${flag}".`;
  const own = flagsOf(place.command?.options ?? GLOBAL_OPTIONS);
  if (own.includes(flag)) return usage(place, `option ${flag} takes no value.`);
  const nearest = flag.startsWith('--') ? suggest(flag, [...own, '--help']) : undefined;
  if (place.command !== undefined && flagsOf(GLOBAL_OPTIONS).includes(flag))
    return usage(place, what, `It goes before the command: backy2 ${flag} ${place.command.name} …`);
  if (nearest !== undefined) return usage(place, what, `Did you mean ${nearest}?`);
  const owners = place.command === undefined ? place.commands.filter(({ options }) => flagsOf(options).includes(flag)) : [];
  if (owners.length > 0) return usage(place, what, `It goes after its command: ${owners.map(({ name }) => name).join(', ')}.`);
  return usage(place, what);
}

function missingArguments(place: UsagePlace): BackyError {
  const required = (place.command?.args ?? []).filter(([syntax]) => syntax.startsWith('<'));
  const missing = required.slice(place.commander.args.length).map(([syntax]) => syntax);
  return usage(place, `missing ${missing.length === 1 ? 'argument' : 'arguments'}: ${missing.join(' ')}.`);
}

function excessArgument(place: UsagePlace): BackyError {
  const known = place.command?.args ?? [];
  const excess = place.commander.args.slice(known.length).map((word) => `"${word}"`);
  const syntax = known.length === 0 ? 'It takes none' : `It takes ${known.map(([arg]) => arg).join(' ')}`;
  return usage(place, `too many arguments: ${excess.join(' ')}.`, `${syntax}.`);
}

function usage({ command }: UsagePlace, problem: string, hint?: string): BackyError {
  if (command === undefined) return new BackyError('usage', problem, { hint: hint ?? 'See: backy2 --help' });
  return new BackyError('usage', `${command.name}: ${problem}`, { hint: hint ?? `See: backy2 ${command.name} --help` });
}

function flagsOf(options: readonly WordSpec[]): string[] {
  return options.flatMap(([flags]) => {
    const { short, long } = new Option(flags);
    return [short, long].filter((flag) => flag !== undefined && flag !== null);
  });
}

/** The word that commander quotes in its message. It has the word nowhere else. */
function quotedIn(message: string): string {
  return /'(.*)'/.exec(message.split('\n')[0] ?? '')?.[1] ?? '';
}
