import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import { isBrokenText } from '../model/broken-text.ts';
import type { Environment } from './environment.ts';
import { LINE_END } from './ini.ts';

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
 * (docs/spec/formats.md §7). `content` is that of `configFile`, if it is already read.
 * @throws BackyError `config` if `configFile` does not exist, or a file exists but cannot be read:
 * without it the configuration would be incomplete.
 */
export function readConfigFiles(configFile: string | undefined, env: Environment, content?: Uint8Array): ConfigFile[] {
  if (configFile !== undefined && configFile !== '') {
    const file = readFile(configFile, env, content);
    if (file === undefined)
      throw new BackyError('config', `File not found: ${configFile}`, { hint: 'Check the path given with -c.' });
    return [file];
  }
  const files = defaultNames(env).map((name) => readFile(name, env));
  return files.filter((file) => file !== undefined);
}

function defaultNames({ root, home }: Environment): string[] {
  if (home !== undefined && isBrokenText(home))
    throw new BackyError('config', `The path of the home folder is not valid UTF-8: ${home}`, {
      hint: 'Name a config file with -c.',
    });
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
  const visible = names.filter((name) => !name.startsWith('.')).sort();
  const broken = visible.find(isBrokenText);
  // Its path can't be opened, so its options would be ignored silently.
  if (broken !== undefined)
    throw new BackyError('config', `${join(folder, broken)}: the name of this file is not valid UTF-8.`, {
      hint: 'Rename it.',
    });
  const paths = visible.map((name) => join(folder, name));
  return paths.filter((path) => !statSync(path, { throwIfNoEntry: false })?.isDirectory());
}

function readFile(name: string, { cwd }: Environment, content?: Uint8Array): ConfigFile | undefined {
  try {
    const path = isAbsolute(name) ? name : join(cwd, name);
    const stats = statSync(path);
    if (content === undefined && stats.isFIFO())
      throw new BackyError('config', `${name}: is a pipe.`, { hint: 'Name it with -c to read it.' });
    const bytes = content ?? readFileSync(path);
    // A disk that fails may end a file early. Its rest must not be taken for defaults.
    if (content === undefined && stats.isFile() && bytes.length < stats.size)
      throw new BackyError('config', `${name}: cannot be read: it ended after ${bytes.length} of ${stats.size} bytes.`, {
        hint: 'Check its disk and the kernel log.',
      });
    const openToAll = (stats.mode & 0o004) !== 0;
    return { name, text: textOf(bytes, name), openToAll };
  } catch (error) {
    if (error instanceof BackyError) throw error;
    if (isMissing(error)) return undefined;
    throw unreadable(name, error);
  }
}

/** Decodes a file. @throws BackyError `config` that names the line that is not UTF-8. */
function textOf(bytes: Uint8Array, name: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  // Each byte becomes one character, so that lines keep their bytes.
  const lines = Buffer.from(bytes).toString('latin1').split(LINE_END);
  const line = lines.findIndex((text) => !isUtf8(Buffer.from(text, 'latin1'))) + 1;
  throw new BackyError('config', `${name}:${line}: this line is not UTF-8 text.`, {
    hint: 'Save the file as UTF-8, e.g. iconv -f latin1 -t utf-8.',
  });
}

function isMissing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function unreadable(name: string, cause: unknown): BackyError {
  if (cause instanceof BackyError) return cause;
  const reasons: Record<string, string> = {
    EISDIR: 'is a directory, not a config file.',
    EACCES: 'permission denied. Run as a user who may read it, or name another config file with -c.',
  };
  const reason = reasons[errnoOf(cause) ?? ''] ?? `cannot be read: ${messageOf(cause)}`;
  return new BackyError('config', `${name}: ${reason}`, { cause });
}
