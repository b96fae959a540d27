import { BackyError } from '../errors.ts';

/** A value as written, before interpolation of `%`, and its position. */
export interface IniValue {
  text: string;
  file: string;
  line: number;
}

/** A section: its options by lower-case name, and its last position. */
export interface IniSection {
  file: string;
  line: number;
  options: Map<string, IniValue>;
}

/** The sections of one or several INI files. */
export interface Ini {
  files: string[];
  /** By name, case-sensitive; {@link INHERITED} is among them. */
  sections: Map<string, IniSection>;
}

/** Every other section inherits the options of this one. `DEFAULTS` is an ordinary section. */
export const INHERITED = 'DEFAULT';

/** Ends a line of a file. */
export const LINE_END = /\r\n|\r|\n/;

/** The state of {@link parseIni} between lines. */
interface Parser {
  ini: Ini;
  file: string;
  section: IniSection | undefined;
  sectionName: string;
  /** The option that a more indented line continues. */
  option: { value: IniValue; lines: string[] } | undefined;
  /** Indentation of the last section or option, in characters. */
  indent: number;
}

/**
 * Parses a file by the rules of Python's configparser (docs/spec/formats.md §7).
 * @param file the name for errors.
 * @throws BackyError `config` with file and line. It quotes no line, which might contain a secret.
 */
export function parseIni(text: string, file: string): Ini {
  const ini: Ini = { files: [file], sections: new Map() };
  const parser: Parser = { ini, file, section: undefined, sectionName: '', option: undefined, indent: 0 };
  for (const [index, line] of text.split(LINE_END).entries()) parseLine(parser, line, index + 1);
  endOption(parser);
  return ini;
}

/** Merges files option by option; later ones win. */
export function mergeInis(inis: Ini[]): Ini {
  const merged: Ini = { files: [], sections: new Map() };
  for (const ini of inis) {
    merged.files.push(...ini.files);
    for (const [name, section] of ini.sections) {
      const options = merged.sections.get(name)?.options ?? new Map<string, IniValue>();
      for (const [option, value] of section.options) options.set(option, value);
      merged.sections.set(name, { ...section, options });
    }
  }
  return merged;
}

function parseLine(parser: Parser, line: string, number: number): void {
  const content = line.trim();
  if (content.startsWith('#') || content.startsWith(';')) return;
  if (content === '') {
    // An empty line does not end a value. Trailing ones are removed later.
    parser.option?.lines.push('');
    return;
  }
  const indent = line.length - line.trimStart().length;
  if (parser.option !== undefined && indent > parser.indent) {
    parser.option.lines.push(content);
    return;
  }
  parser.indent = indent;
  endOption(parser);
  // As in configparser, text after the last bracket is ignored.
  const name = /^\[(.+)\]/.exec(content)?.[1];
  if (name !== undefined) beginSection(parser, name, number);
  else beginOption(parser, content, number);
}

function beginSection(parser: Parser, name: string, line: number): void {
  const { sections } = parser.ini;
  const known = sections.get(name);
  if (known !== undefined && name !== INHERITED) {
    throw syntaxError(parser.file, line, `section [${name}] already exists in line ${known.line}.`);
  }
  parser.section = known ?? { file: parser.file, line, options: new Map() };
  parser.sectionName = name;
  sections.set(name, parser.section);
}

function beginOption(parser: Parser, content: string, line: number): void {
  const { section, sectionName, file } = parser;
  if (section === undefined) {
    throw syntaxError(file, line, 'text before the first [section].');
  }
  const delimiter = content.search(/[:=]/);
  const name = content.slice(0, Math.max(delimiter, 0)).trim().toLowerCase();
  if (name === '') throw syntaxError(file, line, 'neither "[section]" nor "option: value".');
  const known = section.options.get(name);
  if (known !== undefined) {
    throw syntaxError(file, line, `option ${name} already exists in section [${sectionName}], line ${known.line}.`);
  }
  const first = content.slice(delimiter + 1).trim();
  const value: IniValue = { text: first, file, line };
  section.options.set(name, value);
  parser.option = { value, lines: [first] };
}

function endOption(parser: Parser): void {
  if (parser.option !== undefined) parser.option.value.text = parser.option.lines.join('\n').trimEnd();
  parser.option = undefined;
}

function syntaxError(file: string, line: number, problem: string): BackyError {
  return new BackyError('config', `${file}:${line}: ${problem}`);
}
