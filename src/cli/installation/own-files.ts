import { realpathSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import type { InstallationFile } from '../../core/files/installation-files.ts';
import { sqlitePath } from '../../meta/sqlite/engine-url.ts';

/** Suffixes of the files that SQLite keeps beside a database. */
const SIDE_SUFFIXES = ['-wal', '-shm', '-journal'];

/** The files of an installation, which no command may overwrite with its output. */
export function ownFiles({ data, engine, logfile, lockDir, files }: Config): InstallationFile[] {
  return [
    ...(data.backend.type === 'file' ? [{ what: 'the data folder', path: data.backend.path, hasBlobs: true }] : []),
    ...(engine.startsWith('sqlite:') ? databaseFiles(engine) : []),
    { what: 'the log', path: logfile },
    ...(lockDir === '' ? [] : [{ what: 'the locks in', path: lockDir, names: /^backy_.*\.lock$/ }]),
    ...files.map((path) => ({ what: 'the configuration', path })),
  ];
}

function databaseFiles(engine: string): InstallationFile[] {
  const path = sqlitePath(engine);
  const files = ['', ...SIDE_SUFFIXES].map((suffix) => ({ what: 'the database', path: path + suffix }));
  // If the path is a symlink, SQLite keeps its side files beside the real database.
  return [...files, ...SIDE_SUFFIXES.map((suffix) => ({ what: 'the database', path: realPathOf(path) + suffix }))];
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
