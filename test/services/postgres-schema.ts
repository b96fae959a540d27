import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isSince, oldSchema, type RevisionName } from '../support/old/old-database.ts';
import type { PostgresAddress } from './postgres.ts';

const run = promisify(execFile);

/**
 * The schema of a database as pg_dump prints it, without our own tables, comments, settings and
 * owners.
 */
export async function dumpSchema({ port, socketFolder }: PostgresAddress, database: string): Promise<string> {
  const words = ['-h', socketFolder, '-p', String(port), '-U', 'postgres', '--schema-only', '-T', 'backy2_*', database];
  return plainSchema((await run('pg_dump', words, { cwd: '/' })).stdout);
}

/** The same, from the text of a dump. */
export function plainSchema(dump: string): string {
  const lines = dump.split('\n').filter((line) => !/^(--|SET |\\(un)?restrict|SELECT pg_catalog.set_config)|OWNER TO/.test(line));
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

/** Statements that make an empty database as releases of that revision did on PostgreSQL. */
export function oldPostgresSchema(revision: RevisionName): string[] {
  return oldSchema(revision, 'created').map((sql) => {
    const typed = sql.replaceAll('DATETIME', 'TIMESTAMP WITHOUT TIME ZONE');
    if (sql.startsWith('CREATE TABLE deleted_blocks'))
      return typed.replace(/id (INTEGER|BIGINT) NOT NULL/, 'id BIGSERIAL NOT NULL');
    if (/^CREATE TABLE stats/.test(sql) && isSince(revision, '85966fcda5e6'))
      return typed.replace('id INTEGER NOT NULL', 'id SERIAL NOT NULL');
    return typed;
  });
}
