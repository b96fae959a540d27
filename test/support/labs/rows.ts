import type { Lab } from './lab.ts';

/**
 * A block row for a test that needs no data. `uid` is null or '' for a sparse block; `size` is in
 * bytes.
 */
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

/** A well-formed version uid that contains a number. */
export function versionUid(number: number): string {
  return `${String(number).padStart(8, '0')}-0000-11f1-8000-020000000000`;
}

/** Inserts versions into a lab's database, without blobs: thousands of rows take a moment. */
export function insertVersions(lab: Lab, versions: readonly PlainVersion[]): void {
  const date = '2026-01-02 03:04:05.678901';
  const sizeOf = (rows: readonly PlainRow[]) => rows.reduce((sum, row) => sum + row.size, 0);
  lab.store.executeMany(
    "INSERT INTO versions VALUES (?, ?, NULL, ?, '', ?, ?, 1, 0)",
    versions.map(({ uid, name, rows }) => [uid, date, name, rows.length, sizeOf(rows)]),
  );
  lab.store.executeMany(
    "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, 1, 0, '', NULL)",
    versions.flatMap((version) => version.rows.map((row) => [row.uid, version.uid, row.id, date, row.uid, row.size])),
  );
}
