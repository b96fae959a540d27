import { BackyError } from '../errors.ts';
import { INHERITED, type Ini, type IniValue } from './ini.ts';

/** As in configparser: the maximum depth of nested `%(name)s`. */
const MAX_DEPTH = 10;

/**
 * An option's value after interpolation of `%%` and `%(name)s`. Inherited from [DEFAULT] if the
 * section has none; undefined if neither has one. @throws BackyError `config` for a wrong `%`.
 */
export function getValue(ini: Ini, section: string, option: string): string | undefined {
  const raw = rawValue(ini, section, option);
  if (raw === undefined) return undefined;
  const fail = (problem: string): BackyError => optionError(ini, { section, option, problem });
  return interpolate(raw.text, (name) => rawValue(ini, section, name)?.text, fail);
}

/** An option as written, inherited from [DEFAULT] if the section has none. */
export function rawValue(ini: Ini, section: string, option: string): IniValue | undefined {
  return ini.sections.get(section)?.options.get(option) ?? ini.sections.get(INHERITED)?.options.get(option);
}

/** Advice for values of which {@link commentIn} finds a part that looks like a comment. */
export const COMMENT_ADVICE = 'A comment must be on a line of its own.';

/**
 * The sign of what looks like a comment behind a value, or instead of one. As in configparser, `#`
 * and `;` begin a comment only at the start of a line.
 */
export function commentIn(text: string): string | undefined {
  return /(?:^|[ \t])([#;])/.exec(text)?.[1];
}

/** The place of an option. */
export interface OptionPlace {
  section: string;
  option: string;
}

interface OptionProblem extends OptionPlace {
  /** Follows `file: [section] option: `. */
  problem: string;
}

/** An error about an option. Names the file that has the option, or all files if none has. */
export function optionError(ini: Ini, { section, option, problem }: OptionProblem): BackyError {
  const place = rawValue(ini, section, option) ?? ini.sections.get(section);
  return new BackyError('config', `${place?.file ?? ini.files.join(', ')}: [${section}] ${option}: ${problem}`);
}

/** Errors do not quote the text, which may contain a secret: a lone `%` is likely in a password. */
function interpolate(
  text: string,
  lookup: (name: string) => string | undefined,
  fail: (problem: string) => BackyError,
  depth = 1,
): string {
  if (depth > MAX_DEPTH) throw fail('its %(name)s references form a circle or are nested too deep.');
  return text.replaceAll(/%(?:(%)|\(([^)]+)\)s)?/g, (_match, percent: string | undefined, name: string | undefined) => {
    if (percent !== undefined) return '%';
    if (name === undefined) throw fail('has a lone "%". Write "%%" for a percent sign.');
    const value = lookup(name.toLowerCase());
    if (value === undefined) throw fail(`"%(${name})s" refers to an option that is missing in this section and in [DEFAULT].`);
    return interpolate(value, lookup, fail, depth + 1);
  });
}
