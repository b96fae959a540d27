import Database from 'better-sqlite3';
import { REVISIONS } from '../../../src/meta/sql/revisions.ts';

/** The revisions of docs/spec/formats.md §2, oldest first; undefined is the one without a name. */
const ALL_REVISIONS = [undefined, ...REVISIONS] as const;

export type RevisionName = (typeof ALL_REVISIONS)[number];
export const OLD_REVISIONS = ALL_REVISIONS.slice(0, -1);

/**
 * Position of later columns: where an initdb of that time put them, or last, where ALTER TABLE puts
 * them.
 */
export type Layout = 'created' | 'altered';

/** A value in a database. */
export type Cell = string | number | null;
/** A row, by column. */
export type Row = Record<string, Cell>;
/** Rows, by table. */
export type Tables = Record<string, Row[]>;

/** Whether a revision includes the changes of another one. */
export function isSince(revision: RevisionName, other: RevisionName): boolean {
  return ALL_REVISIONS.indexOf(revision) >= ALL_REVISIONS.indexOf(other);
}

/** The name of the table of statistics. */
export function statsName(revision: RevisionName): string {
  return revision === '9e0939e3bc6d' ? 'stats_old' : 'stats';
}

/** Statements that make an empty database as releases of that revision did. */
export function oldSchema(revision: RevisionName, layout: Layout): string[] {
  const has = (other: RevisionName) => isSince(revision, other);
  const table = (name: string, columns: Column[], constraints: string[]) => createTable(name, columns, { layout, constraints });
  const statements = [
    table(statsName(revision), statsColumns(has('85966fcda5e6')), [
      `PRIMARY KEY (${has('85966fcda5e6') ? 'id' : 'version_uid'})`,
    ]),
    table('versions', versionColumns(has), ['PRIMARY KEY (uid)']),
    // Two spellings were seen in databases of real releases.
    `CREATE TABLE deleted_blocks (\n\tid ${has('29c655b78818') && !has('828da0fbbe8d') ? 'BIGINT' : 'INTEGER'} NOT NULL, \n\tuid VARCHAR(32), \n\tsize BIGINT, \n\tdelete_candidate INTEGER NOT NULL, \n\ttime BIGINT NOT NULL, \n\tPRIMARY KEY (id)\n)`,
    'CREATE INDEX ix_deleted_blocks_uid ON deleted_blocks (uid)',
    table('blocks', blockColumns(has), ['PRIMARY KEY (version_uid, id)', 'FOREIGN KEY(version_uid) REFERENCES versions (uid)']),
    'CREATE INDEX ix_blocks_uid ON blocks (uid)',
    'CREATE INDEX ix_blocks_checksum ON blocks (checksum)',
  ];
  if (has('29c655b78818')) {
    const constraints = ['PRIMARY KEY (version_uid, name)', 'FOREIGN KEY(version_uid) REFERENCES versions (uid)'];
    statements.push(
      table(
        'tags',
        [
          ['version_uid', 'VARCHAR(36) NOT NULL'],
          ['name', 'VARCHAR NOT NULL'],
        ],
        constraints,
      ),
    );
  }
  if (has('85966fcda5e6')) statements.push('CREATE INDEX ix_stats_version_uid ON stats (version_uid)');
  if (revision !== undefined) statements.push(ALEMBIC, `INSERT INTO alembic_version VALUES ('${revision}')`);
  return statements;
}

/** The table that names the revision. */
export const ALEMBIC =
  'CREATE TABLE alembic_version (\n\tversion_num VARCHAR(32) NOT NULL, \n\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n)';

/** Writes a database file, with only those columns of each row that its table has. */
export function writeDatabase(path: string, schema: readonly string[], tables: Tables): void {
  const db = new Database(path);
  try {
    db.pragma('foreign_keys = OFF');
    db.transaction(() => {
      for (const sql of schema) db.exec(sql);
      for (const [table, rows] of Object.entries(tables)) insertRows(db, table, rows);
    })();
  } finally {
    db.close();
  }
}

function insertRows(db: Database.Database, table: string, rows: readonly Row[]): void {
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[];
  if (columns.length === 0) return;
  const insert = db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`);
  for (const row of rows) insert.run(columns.map((column) => row[column] ?? null));
}

/** A column: name, type, and whether a later revision added it. */
type Column = [name: string, type: string, isLater?: boolean];

function createTable(
  name: string,
  columns: Column[],
  { layout, constraints }: { layout: Layout; constraints: string[] },
): string {
  const isLast = ([, , isLater = false]: Column) => layout === 'altered' && isLater;
  const ordered = [...columns.filter((column) => !isLast(column)), ...columns.filter(isLast)];
  const lines = [...ordered.map(([column, type]) => `${column} ${type}`), ...constraints];
  return `CREATE TABLE ${name} (\n\t${lines.join(', \n\t')}\n)`;
}

type Has = (other: RevisionName) => boolean;

function versionColumns(has: Has): Column[] {
  const columns: Column[] = [
    ['uid', 'VARCHAR(36) NOT NULL'],
    ['date', 'DATETIME NOT NULL'],
  ];
  if (has('828da0fbbe8d')) columns.push(['expire', has('cd3f15ae79f8') ? 'DATETIME' : 'DATE', true]);
  columns.push(['name', 'VARCHAR NOT NULL']);
  if (has('bbe7904bfc3a')) columns.push(['snapshot_name', "VARCHAR DEFAULT '' NOT NULL", true]);
  const bigint = ['size', 'size_bytes'].map((name): Column => [name, 'BIGINT NOT NULL']);
  return [...columns, ...bigint, ['valid', 'INTEGER NOT NULL'], ['protected', 'INTEGER NOT NULL']];
}

function statsColumns(hasId: boolean): Column[] {
  const counts = ['version_size', 'read', 'written', 'found_dedup', 'sparse'].flatMap((what) =>
    what === 'version_size' ? [`${what}_bytes`, `${what}_blocks`] : [`bytes_${what}`, `blocks_${what}`],
  );
  return [
    ['date', 'DATETIME NOT NULL'],
    ...(hasId ? ([['id', 'INTEGER NOT NULL']] as Column[]) : []),
    ['version_uid', hasId ? 'VARCHAR(36)' : 'VARCHAR(36) NOT NULL'],
    ['version_name', 'VARCHAR NOT NULL'],
    ...[...counts, 'duration_seconds'].map((name): Column => [name, 'BIGINT NOT NULL']),
  ];
}

function blockColumns(has: Has): Column[] {
  const columns: Column[] = [
    ['uid', 'VARCHAR(32)'],
    ['version_uid', 'VARCHAR(36) NOT NULL'],
    ['id', 'INTEGER NOT NULL'],
    ['date', 'DATETIME NOT NULL'],
    ['checksum', 'VARCHAR(128)'],
    ['size', 'BIGINT'],
    ['valid', 'INTEGER NOT NULL'],
  ];
  if (has('5260034b8125')) columns.push(['enc_version', 'INTEGER NOT NULL'], ['enc_envkey', 'VARCHAR(80)', true]);
  if (has('30349b678801')) columns.push(['enc_nonce', 'VARCHAR(32)', true]);
  return columns;
}
