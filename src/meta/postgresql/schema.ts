import type { Layout } from '../../model/layout.ts';
import { createCompactSchema } from '../compact/schema.ts';
import { createSchema, type TypeName } from '../sql/schema.ts';

const TYPES: Record<TypeName, string> = {
  DATETIME: 'TIMESTAMP WITHOUT TIME ZONE',
  SERIAL: 'SERIAL',
  BIGSERIAL: 'BIGSERIAL',
};

/** A whole new database of each layout. */
export const SCHEMAS: Record<Layout, readonly string[]> = {
  classic: createSchema(TYPES),
  compact: [
    ...createCompactSchema({ ...TYPES, NEVER_REUSED: 'BIGSERIAL PRIMARY KEY', BYTES: 'BYTEA', BY_KEY: '' }),
    // Leaves do not compress well, and parts of them are never read.
    'ALTER TABLE backy2_leaves ALTER COLUMN data SET STORAGE EXTERNAL',
  ],
};
