import { BackyError } from '../errors.ts';
import { INHERITED, type Ini, type IniValue } from './ini.ts';

/** As in configparser: how many `%(name)s` may lead from one to the next. */
const MAX_DEPTH = 10;

/**
 * An option's value with `%%` and `%(name)s` put in, inherited from [DEFAULT] if the section has none of its own.
 * Undefined when neither has it. Throws a BackyError (`config`) when a `%` is wrong.
 */
export function getValue(ini: Ini, section: string, option: string): string | undefined {
  const raw = rawValue(ini, section, option);
  if (raw === undefined) return undefined;
  const fail = (problem: string): BackyError => optionError(ini, { section, option, problem });
  return interpolate(raw.text, (name) => rawValue(ini, section, name)?.text, fail);
}

/** An option as written, inherited from [DEFAULT] if the section has none of its own. */
export function rawValue(ini: Ini, section: string, option: string): IniValue | undefined {
  return ini.sections.get(section)?.options.get(option) ?? ini.sections.get(INHERITED)?.options.get(option);
}

/** What {@link optionError} says: `problem` goes on after `file: [section] option: `. */
export interface OptionProblem {
  section: string;
  option: string;
  problem: string;
}

/** The error about one option, which names the file that has it; the files that lack it if none has. */
export function optionError(ini: Ini, { section, option, problem }: OptionProblem): BackyError {
  const place = rawValue(ini, section, option) ?? ini.sections.get(section);
  return new BackyError('config', `${place?.file ?? ini.files.join(', ')}: [${section}] ${option}: ${problem}`);
}

/** No error quotes the whole text, which might hold a secret (a password in `engine` is where a lone `%` is likely). */
function interpolate(
  text: string,
  lookup: (name: string) => string | undefined,
  fail: (problem: string) => BackyError,
  depth = 1,
): string {
  if (depth > MAX_DEPTH) throw fail('its %(name)s references go in a circle or too deep.');
  return text.replaceAll(/%(?:(%)|\(([^)]+)\)s)?/g, (_match, percent: string | undefined, name: string | undefined) => {
    if (percent !== undefined) return '%';
    if (name === undefined) throw fail('has a lone "%"; write "%%" for a percent sign.');
    const value = lookup(name.toLowerCase());
    if (value === undefined) throw fail(`"%(${name})s" refers to an option that is neither in this section nor in [DEFAULT].`);
    return interpolate(value, lookup, fail, depth + 1);
  });
}
