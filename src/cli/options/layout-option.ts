import { BackyError } from '../../errors.ts';
import { LAYOUTS, type Layout } from '../../model/layout.ts';
import { suggest } from '../words/suggest.ts';

/** Parses the name of a layout. @throws BackyError `usage` that names option and command. */
export function parseLayout(text: string, { command, option }: { command: string; option: string }): Layout {
  const known = LAYOUTS.find((name) => name === text);
  if (known !== undefined) return known;
  const meant = suggest(text, LAYOUTS);
  throw new BackyError('usage', `${option} takes ${LAYOUTS.join(' or ')}, not "${text}".`, {
    hint: meant === undefined ? `See: backy2 ${command} --help` : `Did you mean ${meant}?`,
  });
}
