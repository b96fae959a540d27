import type { Ini } from './ini.ts';
import type { Kind } from './kinds.ts';
import { isNear, nearest } from './nearest.ts';
import { type Option, SCHEMA, type SectionName, type Values } from './schema.ts';
import { COMMENT_ADVICE, commentIn, getValue, type OptionPlace, optionError } from './values.ts';

/**
 * Reads and checks all options of one of the program's sections.
 * @param presets values that replace options of the file.
 * @throws BackyError `config` for the first wrong option.
 */
export function readSection<S extends SectionName>(ini: Ini, section: S, presets: Partial<Values<S>> = {}): Values<S> {
  const options = Object.entries<Option<unknown>>(SCHEMA[section]);
  const values = options.map(([name, option]) => {
    const value = option.deferred ? undefined : readOption(ini, { section, option: name }, option.kind);
    return [name, value ?? option.initial];
  });
  const given = Object.entries(presets);
  // Object.fromEntries loses the types of single names; the schema has them.
  return Object.fromEntries([...values, ...given]) as Values<S>;
}

/**
 * Reads and checks an option; undefined if no file has it.
 * @throws BackyError `config` that names the value and the allowed ones.
 */
export function readOption<T>(ini: Ini, place: OptionPlace, kind: Kind<T>): T | undefined {
  const text = getValue(ini, place.section, place.option);
  if (text === undefined) return undefined;
  const value = kind.parse(text);
  if (value !== undefined) return value;
  const shown = kind.show?.(text) ?? JSON.stringify(text);
  const near = nearest(text, kind.values ?? []);
  const meant = near !== '' && isNear(text, near) ? ` Did you mean ${near}?` : '';
  const advice = commentIn(text) === undefined ? '' : ` ${COMMENT_ADVICE}`;
  throw optionError(ini, { ...place, problem: `${shown} is not ${kind.allowed}.${meant}${advice}` });
}
