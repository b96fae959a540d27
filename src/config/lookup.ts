import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import type { Environment } from './environment.ts';

/** A config file that was read. */
export interface ConfigFile {
  /** As shown in messages. */
  name: string;
  text: string;
  /** Whether every user may read it. */
  openToAll: boolean;
}

/**
 * Reads `configFile`, or, if it is undefined or empty, all default files that exist
 * (docs/spec/formats.md §7).
 * @throws BackyError `config` if `configFile` does not exist, or a file exists but cannot be read:
 * without it the configuration would be incomplete.
 */
export function readConfigFiles(configFile: string | undefined, env: Environment): ConfigFile[] {
  if (configFile !== undefined && configFile !== '') {
    const file = readFile(configFile, env);
    if (file === undefined)
      throw new BackyError('config', `File not found: ${configFile}`, { hint: 'Check the path given with -c.' });
    return [file];
  }
  const files = defaultNames(env).map((name) => readFile(name, env));
  return files.filter((file) => file !== undefined);
}

function defaultNames({ root, home }: Environment): string[] {
  return [
    join(root, 'etc/backy.cfg'),
    join(root, 'etc/backy/backy.cfg'),
    ...visibleFiles(join(root, 'etc/backy/conf.d')),
    ...(home === undefined ? [] : [join(home, '.backy.cfg')]),
    'backy.cfg',
  ];
}

/** The files of the shell's `folder/*`, sorted. */
function visibleFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(folder, error);
  }
  const paths = names
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(folder, name));
  return paths.filter((path) => !statSync(path, { throwIfNoEntry: false })?.isDirectory());
}

function readFile(name: string, { cwd }: Environment): ConfigFile | undefined {
  try {
    const path = isAbsolute(name) ? name : join(cwd, name);
    const bytes = readFileSync(path);
    const openToAll = (statSync(path).mode & 0o004) !== 0;
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), openToAll };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(name, error);
  }
}

function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function unreadable(name: string, cause: unknown): BackyError {
  const reasons: Record<string, string> = {
    EISDIR: 'is a directory, not a config file.',
    EACCES: 'permission denied. Run as a user who may read it, or name another config file with -c.',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text.',
  };
  const reason = reasons[errnoOf(cause) ?? ''] ?? `cannot be read: ${messageOf(cause)}`;
  return new BackyError('config', `${name}: ${reason}`, { cause });
}
