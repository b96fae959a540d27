import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { VersionGlimpse } from '../../model/version.ts';
import { headerHasWal } from './wal-file.ts';
import { mustEndWal } from './wal-place.ts';

/** The user is typing: a busy database is not worth a wait. */
const BUSY_LIMIT_MS = 300;

/** See {@link peekVersions}. */
export function peekSqlite(path: string): VersionGlimpse[] {
  if (mustEndWal(dirname(path)) && headerHasWal(path)) throw new Error('its WAL can only be read by a command that ends it');
  const db = new Database(path, { fileMustExist: true, readonly: isInUse(path), timeout: BUSY_LIMIT_MS });
  try {
    db.pragma('query_only = ON');
    const tags = new Map<string, string[]>();
    for (const [uid = '', name = ''] of rows(db, 'SELECT version_uid, name FROM tags ORDER BY name'))
      tags.set(uid, [...(tags.get(uid) ?? []), name]);
    const versions = rows(db, 'SELECT uid, name, snapshot_name, date, valid FROM versions ORDER BY date DESC, uid');
    return versions.map(([uid = '', name = '', snapshotName = '', date = '', valid]) => ({
      ...{ uid, name, snapshotName, tags: tags.get(uid) ?? [] },
      ...{ date: date.slice(0, 'YYYY-MM-DD HH:MM:SS'.length), valid: valid !== '0' },
    }));
  } finally {
    db.close();
  }
}

/**
 * Whether another process has the database open, or left it open in a crash. Then only a read-only
 * connection leaves the files beside it alone. Otherwise a read-only one would leave -wal and -shm
 * files behind, which an ordinary one removes.
 */
function isInUse(path: string): boolean {
  return existsSync(`${path}-wal`) || existsSync(`${path}-journal`);
}

function rows(db: Database.Database, sql: string): string[][] {
  return (db.prepare(sql).raw().all() as unknown[][]).map((row) => row.map((cell) => String(cell ?? '')));
}
