import type { Layout } from '../../model/layout.ts';
import { createCompactSchema } from '../compact/schema.ts';
import { createSchema, createTable, SIDE_TABLES as SHARED, type TableName, type TypeName } from '../sql/schema.ts';
import { MARK_TABLE } from './commit-mark.ts';

const TYPES: Record<TypeName, string> = { DATETIME: 'DATETIME', SERIAL: 'INTEGER', BIGSERIAL: 'INTEGER' };

/** A whole new database of each layout. */
export const SCHEMAS: Record<Layout, readonly string[]> = {
  classic: createSchema(TYPES),
  compact: createCompactSchema({
    ...TYPES,
    NEVER_REUSED: 'INTEGER PRIMARY KEY AUTOINCREMENT',
    BYTES: 'BLOB',
    BY_KEY: ' WITHOUT ROWID',
  }),
};

/** The CREATE statement of a table, then those of its indexes. */
export function tableStatements(name: TableName): [table: string, ...indexes: string[]] {
  return createTable(name, TYPES);
}

/** The text of a CREATE statement is part of the file: it stays as it has always been. */
const SUFFIXES: Partial<Record<keyof typeof SHARED, string>> = {
  backy2_verified: '\n     WITHOUT ROWID',
  backy2_bad: ' WITHOUT ROWID',
  backy2_imported: '\n     WITHOUT ROWID',
  backy2_catalogue_leaves: ' WITHOUT ROWID',
};

/** Our own tables, with the one that counts transactions. */
export const SIDE_TABLES = [
  ...Object.entries(SHARED).map(([name, create]) => create + (SUFFIXES[name as keyof typeof SHARED] ?? '')),
  ...MARK_TABLE,
];
