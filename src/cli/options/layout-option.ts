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

/**
 * The layout of a new database: the option's, else that of the config file. All other commands want
 * the latter.
 */
export function layoutFrom(option: string | undefined, configured: Layout | undefined, command: string): Layout {
  if (option === undefined) return configured ?? 'classic';
  const layout = parseLayout(option, { command, option: '--layout' });
  if (configured === undefined || configured === layout) return layout;
  throw new BackyError('config', `--layout is ${layout}, but [MetaBackend] layout is ${configured}. Nothing was created.`, {
    hint: 'Change the config file, or leave the option out.',
  });
}
