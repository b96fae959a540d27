import Database from 'better-sqlite3';
import type { Lab } from './lab.ts';

/** A block row for a test that needs no data: its blob's uid, null or '' for a sparse one, and its bytes. */
export interface PlainRow {
  id: number;
  uid: string | null;
  size: number;
}

/** A version for such a test. */
export interface PlainVersion {
  uid: string;
  name: string;
  rows: readonly PlainRow[];
}

/** A version uid of the right form, told apart by its number. */
export function versionUid(number: number): string {
  return `${String(number).padStart(8, '0')}-0000-11f1-8000-020000000000`;
}

/** Puts versions into a lab's database, without blobs: thousands of rows take a moment. */
export function insertVersions(lab: Lab, versions: readonly PlainVersion[]): void {
  const db = new Database(lab.databasePath, { fileMustExist: true, timeout: 20_000 });
  const date = '2026-01-02 03:04:05.678901';
  const version = db.prepare("INSERT INTO versions VALUES (?, ?, NULL, ?, '', ?, ?, 1, 0)");
  const block = db.prepare("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, 1, 0, '', NULL)");
  db.transaction(() => {
    for (const { uid, name, rows } of versions) {
      const sizeBytes = rows.reduce((sum, row) => sum + row.size, 0);
      version.run(uid, date, name, rows.length, sizeBytes);
      for (const row of rows) block.run(row.uid, uid, row.id, date, row.uid, row.size);
    }
  })();
  db.close();
}
