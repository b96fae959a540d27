import Database from 'better-sqlite3';

/**
 * Runs statements on a SQLite database as another program, or damage, would: nothing is checked.
 */
export function editDatabase(path: string, statements: string): void {
  const database = new Database(path);
  database.unsafeMode(true);
  database.pragma('foreign_keys = OFF');
  database.exec(statements);
  database.close();
}
