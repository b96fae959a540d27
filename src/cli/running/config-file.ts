import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { BackyError } from '../../errors.ts';

/**
 * The config file for `-c` of other processes. Empty if there is none or several: `-c ''` reads the
 * default files as well.
 */
export function configFileForHooks({ files: [first, ...more] }: Pick<Config, 'files'>): string {
  return first === undefined || more.length > 0 ? '' : resolve(first);
}

/**
 * The same, for processes that read it again.
 * @throws BackyError `config` if it can be read only once.
 */
export function configFileToReadAgain(config: Pick<Config, 'files'>): string {
  const file = configFileForHooks(config);
  if (file === '' || statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file;
  throw new BackyError('config', `${file}: run reads its config file once for each backup, but this is no regular file.`, {
    hint: 'Write the configuration to a file, and name that with -c.',
  });
}
