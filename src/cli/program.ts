import { Command as Commander, CommanderError, Option } from 'commander';
import { BackyError } from '../errors.ts';
import { isBrokenText } from '../model/broken-text.ts';
import type { Command, CommandWords, Invocation, TextCommand } from './command.ts';
import { ALL_COMMANDS } from './commands/index.ts';
import { GLOBAL_OPTIONS, type GlobalOptions, HELP_OPTION, SUMMARY, VERSION_OPTION } from './options/global-options.ts';
import { errorLine } from './output/error-line.ts';
import { noJson } from './output/no-json.ts';
import { callsPlugin, pluginCode } from './output/plugin.ts';
import { Printer } from './output/printer.ts';
import { expandAbbreviations, type OptionNames } from './words/abbreviations.ts';
import { addExamples, briefUsage, HELP_FORMAT, helpColumns, programHelpEnd, usageLine } from './words/help.ts';
import { usageError } from './words/usage-error.ts';
import { programVersion } from './words/version.ts';

/** A parsed command line. */
export interface ParsedCall extends Invocation {
  command: Command;
  globals: GlobalOptions;
}

type AnyCall = Omit<ParsedCall, 'command'> & { command: Command | TextCommand };

/** The command line is answered (help, version, a text) or wrong: the program can exit. */
interface ParsedEnd {
  exitCode: number;
}

/** Parses the command line. Prints usage, help and errors itself. */
export function parseCommandLine(argv: readonly string[]): ParsedCall | ParsedEnd {
  const printer = new Printer(asksForJson(argv));
  try {
    return parse(argv, printer);
  } catch (error) {
    if (!(error instanceof BackyError)) throw error;
    const { code, message, hint } = error;
    const exitCode = callsPlugin(argv, ALL_COMMANDS) ? pluginCode(error) : error.exitCode;
    printer.err(`error: ${errorLine(error)}\n`);
    printer.fail({ code, exitCode, message, hint });
    return { exitCode };
  }
}

/** @throws BackyError for wrong words, or when stdout can't be written. */
function parse(argv: readonly string[], printer: Printer): ParsedCall | ParsedEnd {
  try {
    refuseBrokenWords(argv);
    const call = parseWords(argv, printer);
    return call === undefined ? usage(printer) : answer(call, printer);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? answered(error, printer) : usage(printer);
  }
}

/**
 * Parses the command line and runs nothing. @returns undefined without a command.
 * @param printer gets help and version. @throws BackyError `usage`; CommanderError after help.
 */
export function parseWords(argv: readonly string[], printer: Printer): AnyCall | undefined {
  let call: AnyCall | undefined;
  const program = buildProgram(printer, (parsed) => {
    call = parsed;
  });
  const expanded = expandAbbreviations(argv, namesOf(program), (name) => {
    const command = program.commands.find((candidate) => candidate.name() === name);
    return command === undefined ? undefined : namesOf(command);
  });
  program.parse(expanded, { from: 'user' });
  return call;
}

/** Two names with such bytes would become one, and a path would not be found. */
function refuseBrokenWords(argv: readonly string[]): void {
  const broken = argv.find(isBrokenText);
  if (broken === undefined) return;
  throw new BackyError('usage', `"${broken}" is not valid UTF-8.`, {
    hint: 'Names and paths must be. Rename the file, or name the version by its uid.',
  });
}

/** Answers a {@link TextCommand} at once. */
function answer({ command, ...rest }: AnyCall, printer: Printer): ParsedCall | ParsedEnd {
  if ('prepare' in command) return { ...rest, command };
  printer.out(command.text(rest.args));
  printer.finish('script');
  return { exitCode: 0 };
}

/**
 * Whether `--json` or an abbreviation of it is among the words. Works for wrong command lines too.
 */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((word) => word.length > 2 && '--json'.startsWith(word));
}

function answered({ code }: CommanderError, printer: Printer): ParsedEnd {
  printer.finish(code === 'commander.version' ? 'version' : 'help');
  return { exitCode: 0 };
}

function usage(printer: Printer): ParsedEnd {
  printer.out(briefUsage(ALL_COMMANDS));
  const error = new BackyError('usage', 'No command was given.', { exitCode: 1, hint: 'backy2 --help lists them.' });
  printer.fail(error);
  return { exitCode: error.exitCode };
}

function buildProgram(printer: Printer, onCall: (call: AnyCall) => void): Commander {
  const program = new Commander('backy2')
    .description(SUMMARY)
    .usage(usageLine())
    .helpOption(...HELP_OPTION)
    .helpCommand(false)
    .enablePositionalOptions()
    .configureHelp(HELP_FORMAT)
    .configureOutput({
      writeOut: (text) => printer.out(text),
      // We print errors ourselves. Commander's help after an empty command line would be too long.
      writeErr: () => {},
      getOutHelpWidth: helpColumns,
    })
    .addHelpText('after', programHelpEnd());
  program.exitOverride(failAt(program));
  for (const [flags, description] of GLOBAL_OPTIONS) program.option(flags, description);
  program.version(programVersion(), ...VERSION_OPTION);
  for (const command of ALL_COMMANDS) addCommand(program, command, onCall);
  return program;
}

function addCommand(program: Commander, command: Command | TextCommand, onCall: (call: AnyCall) => void): void {
  const sub = program
    .command(command.name)
    .description(command.description)
    .helpOption(...HELP_OPTION);
  for (const [syntax, description] of command.args) sub.argument(syntax, description);
  for (const [flags, description] of command.options) sub.addOption(new Option(flags, description));
  relax(sub, command);
  addExamples(sub, command);
  sub.exitOverride(failAt(sub, command));
  sub.action(() => {
    const args = sub.processedArgs.flat().filter((arg): arg is string => typeof arg === 'string');
    const invocation = { args, options: sub.opts() };
    const globals = program.opts<GlobalOptions>();
    if ('prepare' in command) {
      command.checkUsage?.(invocation);
      if (globals.json === true && command.streamsBytes?.(invocation) === true) throw noJson(command.name);
    }
    onCall({ command, globals, ...invocation });
  });
}

/** Makes an argument optional. Commander reads options before it counts arguments. */
function relax(sub: Commander, { optionalWith }: CommandWords): void {
  if (optionalWith === undefined) return;
  sub.on(`option:${optionalWith.option}`, () => {
    const argument = sub.registeredArguments[optionalWith.argument];
    if (argument !== undefined) argument.required = false;
  });
}

/** Replaces commander's exit. Help, version and a missing command are not usage errors here. */
function failAt(commander: Commander, command?: CommandWords): (error: CommanderError) => never {
  return (error) => {
    if (error.exitCode === 0 || error.code === 'commander.help') throw error;
    throw usageError(error, { commander, command, commands: ALL_COMMANDS });
  };
}

function namesOf(command: Commander): OptionNames {
  const named = command.options.filter(({ long }) => long !== undefined);
  const longOf = (options: readonly Option[]) => [...options.map(({ long }) => long ?? ''), '--help'];
  const valued = new Set(command.options.filter((option) => option.required).flatMap((option) => [option.short, option.long]));
  return {
    long: longOf(named),
    lettered: longOf(named.filter(({ short }) => short !== undefined)),
    takesValue: (option) => valued.has(option),
  };
}
