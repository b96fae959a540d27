import { createSchema, type TypeName } from '../sql/schema.ts';

const TYPES: Record<TypeName, string> = {
  DATETIME: 'TIMESTAMP WITHOUT TIME ZONE',
  SERIAL: 'SERIAL',
  BIGSERIAL: 'BIGSERIAL',
};

/** A whole new database. */
export const SCHEMA = createSchema(TYPES);
