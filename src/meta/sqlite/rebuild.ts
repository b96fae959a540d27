import { BackyError } from '../../errors.ts';
import { REVISION, TABLE_NAMES, type TableName } from '../sql/schema.ts';
import { joinSql, quoted, type Sql, sql } from '../sql/statement.ts';
import type { SqliteConnection } from './connection.ts';
import { COLUMN_STEPS, TABLE_STEPS } from './revisions.ts';
import { tableStatements } from './schema.ts';

/**
 * Converts the tables of any older revision to the newest, within the caller's transaction. SQLite
 * can't change a primary key, drop a default or insert a column. So this creates each table again
 * and copies its rows in their order. The schema is then that of a new database to the letter.
 * Cost: all rows are written once more, and indexed.
 * @throws BackyError `database` for a table that no revision has.
 */
export function rebuildTables(connection: SqliteConnection, path: string): void {
  const tables = TABLE_NAMES.map((table) => ({ table, sources: sourcesOf(connection, table, path) }));
  for (const source of tables.flatMap(({ sources }) => sources)) {
    connection.exec(sql`ALTER TABLE ${quoted(source)} RENAME TO ${quoted(setAside(source))}`.text);
  }
  connection.exec('DROP TABLE IF EXISTS alembic_version');
  for (const { table, sources } of tables) {
    const [create, ...indexes] = tableStatements(table);
    connection.exec(create);
    for (const [i, source] of sources.entries())
      copyRows(connection, table, setAside(source), i > 0 ? NOT_COPIED_YET : sql``, path);
    // The old indexes have the names of the new ones. Creating an index last is faster than adding
    // rows one by one.
    for (const source of sources) connection.exec(sql`DROP TABLE ${quoted(setAside(source))}`.text);
    for (const index of indexes) connection.exec(index);
  }
  for (const statement of REVISION) connection.exec(statement);
}

/** A failed upgrade of the original can have left statistics under both names. */
const NOT_COPIED_YET = sql`WHERE NOT EXISTS (SELECT 1 FROM stats WHERE stats.version_uid = old.version_uid)`;

function setAside(table: string): string {
  return `backy2_old_${table}`;
}

/** The old tables that hold the rows of a table. */
function sourcesOf(connection: SqliteConnection, table: TableName, path: string): string[] {
  const step = TABLE_STEPS.find((candidate) => candidate.table === table);
  const names = step?.formerName === undefined ? [table] : [table, step.formerName];
  const sources = names.filter((name) => columnsOf(connection, name).length > 0);
  if (sources.length === 0 && step?.isNew !== true) throw unexpected(path, `it has no table ${table}`);
  return sources;
}

function copyRows(connection: SqliteConnection, table: TableName, source: string, where: Sql, path: string): void {
  const columns = columnsOf(connection, table);
  const old = columnsOf(connection, source);
  const unknown = old.find((column) => !columns.includes(column));
  if (unknown !== undefined) throw unexpected(path, `no revision has a column ${unknown} in table ${table}`);
  const values = columns.map((column) => valueFor(table, column, old.includes(column), path));
  connection.exec(
    sql`INSERT INTO ${quoted(table)} (${joinSql(columns.map(quoted), ', ')}) SELECT ${joinSql(values, ', ')} FROM ${quoted(source)} AS old ${where} ORDER BY rowid`
      .text,
  );
}

/** Of several steps for a column, the newest counts. */
function valueFor(table: TableName, column: string, isThere: boolean, path: string): Sql {
  const step = COLUMN_STEPS.findLast((candidate) => candidate.table === table && candidate.column === column);
  if (isThere) return step?.present ?? quoted(column);
  if (step === undefined) throw unexpected(path, `table ${table} has no column ${column}`);
  return step.missing;
}

function columnsOf(connection: SqliteConnection, table: string): string[] {
  const rows = connection.prepare('SELECT name FROM pragma_table_info(?)').all(table) as { name: string }[];
  return rows.map(({ name }) => name);
}

function unexpected(path: string, what: string): BackyError {
  return new BackyError('database', `The database ${path} can't be upgraded: ${what}. Nothing was changed.`, {
    hint: 'Is it really a database of backy2? If so, restore it from a backup of it.',
  });
}
