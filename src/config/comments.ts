import { INHERITED, type Ini, type IniSection } from './ini.ts';
import { isScheduler } from './schedulers.ts';
import { knownAnywhere, knownOptions, SCHEMA } from './schema.ts';
import { COMMENT_ADVICE, commentIn } from './values.ts';

/**
 * A warning for each known option that seems to end with a comment, such as `path: /x  # nfs`. The
 * value may be meant as it is: the original reads it the same way. Quotes no value, which may be a
 * secret.
 */
export function commentWarnings(ini: Ini): string[] {
  return [...ini.sections].flatMap(([name, section]) => {
    if (name === INHERITED) return warningsOf(name, section, knownAnywhere());
    return Object.hasOwn(SCHEMA, name) || isScheduler(ini, name) ? warningsOf(name, section, knownOptions(name)) : [];
  });
}

function warningsOf(name: string, { options }: IniSection, known: readonly string[]): string[] {
  return [...options].flatMap(([option, { text, file, line }]) => {
    const sign = commentIn(text);
    if (sign === undefined || !known.includes(option)) return [];
    return [`${file}:${line}: [${name}] ${option}: the text from "${sign}" on is part of the value. ${COMMENT_ADVICE}`];
  });
}
