import type { Config } from '../config/config.ts';
import type { OwnFile } from '../core/own-files.ts';
import { sqlitePath } from '../meta/sqlite/engine-url.ts';

/** The files of an installation: a restore over one of them would destroy it. */
export function ownFiles({ data, engine, logfile, lockDir, files }: Config): OwnFile[] {
  return [
    ...(data.backend.type === 'file' ? [{ what: 'the data folder', path: data.backend.path, hasBlobs: true }] : []),
    ...(engine.startsWith('sqlite:') ? databaseFiles(sqlitePath(engine)) : []),
    { what: 'the log', path: logfile },
    ...(lockDir === '' ? [] : [{ what: 'the locks in', path: lockDir, names: /^backy_.*\.lock$/ }]),
    ...files.map((path) => ({ what: 'the configuration', path })),
  ];
}

function databaseFiles(path: string): OwnFile[] {
  return ['', '-wal', '-shm', '-journal'].map((suffix) => ({ what: 'the database', path: path + suffix }));
}
