import type { CommandWords, WordSpec } from '../../command.ts';
import { GLOBAL_OPTIONS, HELP_OPTION, SUMMARY, VERSION_OPTION } from '../../options/global-options.ts';
import { breakable } from '../help.ts';
import { literal, part, section, terms, text, title } from './roff.ts';
import { ENVIRONMENT, EXAMPLES, EXIT_STATUS, FILES, INTRODUCTION, SEE_ALSO, SOURCES_AND_TARGETS } from './texts.ts';

/** Version and date of a man page. */
export interface Edition {
  version: string;
  /** `YYYY-MM-DD`. */
  date: string;
}

/** The manual page backy2(1), as roff. */
export function manPage(commands: readonly CommandWords[], { version, date }: Edition): string {
  return [
    title('backy2', { section: 1, date, version: `backy2 ${version}` }),
    section('Name', text(`backy2 - ${lowerFirst(SUMMARY.replace(/\.$/, ''))}`)),
    section('Synopsis', text('*backy2* [_global option_ …] _command_ [_option_ …] [_argument_ …]', '*backy2* [*-h*|*-V*]')),
    section('Description', text(...INTRODUCTION)),
    section('Global options', text(GLOBALS_GO_FIRST), terms([...GLOBAL_OPTIONS, VERSION_OPTION, HELP_OPTION].map(option))),
    section('Commands', ...commands.map(command)),
    section('Sources and targets', terms(SOURCES_AND_TARGETS)),
    section('Exit status', terms(EXIT_STATUS)),
    section('Files', terms(FILES)),
    section('Environment', terms(ENVIRONMENT)),
    section('Examples', ...EXAMPLES.map(([what, ...lines]) => text(what) + literal(...lines))),
    section('See also', text(...SEE_ALSO)),
  ].join('');
}

const GLOBALS_GO_FIRST =
  'They go before the command. After it, the same letters are options of the command. Short options can be combined (*-ms*). Long options can be abbreviated if the abbreviation is unambiguous.';

function command({ name, description, args, options, examples = [] }: CommandWords): string {
  const words = args.map(([syntax]) => placeholder(syntax));
  return part(
    [`*backy2 ${name}*`, ...(options.length > 0 ? ['[_option_ …]'] : []), ...words].join(' '),
    text(description),
    terms([...args.map(([syntax, meaning]) => [placeholder(syntax), breakable(meaning)] as const), ...options.map(option)]),
    ...examples.map(([line, what]) => text(`${what.replace(/\.$/, '')}:`) + literal(line)),
  );
}

/** `-s, --source <url>`, with bold flags and the placeholder in italics. */
function option([flags, description]: WordSpec): readonly [string, string] {
  const term = flags.replaceAll(/(?<=^|\s)(-[-\w]+)/g, '*$1*').replace(/[<[].*$/, placeholder);
  return [term, breakable(description)];
}

/** Turns `<uid>` into _uid_, `[name]` into [_name_] and `<uids...>` into _uids_ …. */
function placeholder(syntax: string): string {
  const name = syntax.replaceAll(/[<>[\].]/g, '');
  const italic = syntax.includes('...') ? `_${name}_ …` : `_${name}_`;
  return syntax.startsWith('[') ? `[${italic}]` : italic;
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
