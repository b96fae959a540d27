import { INHERITED, type Ini, type IniSection } from './ini.ts';
import { knownOptions } from './schedulers.ts';
import { COMMANDS, knownAnywhere } from './schema.ts';
import { COMMENT_ADVICE, commentIn } from './values.ts';

/**
 * A warning for each known option that seems to end with a comment, such as `path: /x  # nfs`. The
 * value may be meant as it is: the original reads it the same way. Quotes no value, which may be a
 * secret.
 */
export function commentWarnings(ini: Ini): string[] {
  return [...ini.sections].flatMap(([name, section]) => {
    const known = name === INHERITED ? knownAnywhere() : (knownOptions(ini, name) ?? []);
    // A semicolon in a command is one.
    return warningsOf(
      name,
      section,
      known.filter((option) => !COMMANDS.includes(option)),
    );
  });
}

function warningsOf(name: string, { options }: IniSection, known: readonly string[]): string[] {
  return [...options].flatMap(([option, { text, file, line }]) => {
    const sign = commentIn(text);
    if (sign === undefined || !known.includes(option)) return [];
    return [`${file}:${line}: [${name}] ${option}: the text from "${sign}" on is part of the value. ${COMMENT_ADVICE}`];
  });
}
