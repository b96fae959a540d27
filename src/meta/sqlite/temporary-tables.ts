import type Database from 'better-sqlite3';
import { SIDE_TABLES } from './schema.ts';

const CREATE = /^CREATE TABLE IF NOT EXISTS (\w+)/;

/**
 * Creates the side tables that a database lacks, empty and for this connection only: it can't be
 * written, and queries name them.
 */
export function makeTemporaryTables(db: Database.Database): void {
  const isThere = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
  for (const statement of SIDE_TABLES) {
    const [, name] = CREATE.exec(statement) ?? [];
    if (name === undefined || isThere.get(name) !== undefined) continue;
    db.exec(statement.replace(CREATE, 'CREATE TEMPORARY TABLE IF NOT EXISTS $1'));
  }
}
