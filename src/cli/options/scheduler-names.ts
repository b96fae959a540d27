import type { Config } from '../../config/config.ts';

/**
 * The names of `-s`, comma separated; undefined if the option is absent.
 * @throws BackyError if the configuration has no such scheduler, or a broken one.
 */
export async function readSchedulerNames(text: string | undefined, config: Config): Promise<string[] | undefined> {
  if (text === undefined) return undefined;
  const [{ parseNames }, { chooseSchedulers }] = await Promise.all([
    import('./parse-tags.ts'),
    import('../../core/reports/schedulers.ts'),
  ]);
  const names = parseNames(text);
  chooseSchedulers({ names, givenBy: '-s' }, config);
  return names;
}
