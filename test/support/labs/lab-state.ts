import { treeOf } from '../images/trees.ts';
import type { Lab } from './lab.ts';

/**
 * All rows of a lab on SQLite, our own tables included, and the tree of its data folder. Compared
 * before and after commands that must change nothing.
 */
interface LabState {
  /** Sorted rows as JSON, by table. */
  tables: Record<string, string[]>;
  files: Record<string, string>;
}

export function stateOf(lab: Lab): LabState {
  return { tables: tablesOf(lab), files: treeOf(lab.dataPath) };
}

/** Counts transactions, including those that a later one undid. */
const COUNTER = 'backy2_commit';

function tablesOf(lab: Lab): Record<string, string[]> {
  const names = lab.query<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> ? ORDER BY name",
    COUNTER,
  );
  const rowsOf = (table: string) => lab.query(`SELECT * FROM ${table}`).map((row) => JSON.stringify(row));
  return Object.fromEntries(names.map(({ name }) => [name, rowsOf(name).sort()]));
}
