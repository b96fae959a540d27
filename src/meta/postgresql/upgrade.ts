import { DatabaseError } from 'pg';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { OpenOptions } from '../meta-store.ts';
import { FIRST_REVISION, isOutdated, NEWEST_REVISION, REVISIONS } from '../sql/revisions.ts';
import type { PostgresConnection } from './connection.ts';
import { notInitialized, toDatabaseError } from './database-errors.ts';
import { arrayOf } from './literals.ts';
import { STEPS } from './revisions.ts';
import { SCHEMA } from './schema.ts';
import type { PgValue } from './session.ts';

/** Reads of a connection or of one session. */
interface Reader {
  query<T>(sql: string, values?: readonly PgValue[]): Promise<T[]>;
}

/** See MetaStore.initialize: one transaction, under a lock, so that of two at once one is refused. */
export async function initializeDatabase(connection: PostgresConnection): Promise<void> {
  await connection.write(
    async (session) => {
      const tables = await existing(session, ['versions', 'alembic_version', 'blocks', 'stats', 'tags', 'deleted_blocks']);
      if (tables.length > 0) {
        throw new BackyError('refused', `The database ${connection.label} is initialised already. Nothing was changed.`, {
          hint: 'To start afresh, name another database in [MetaBackend] engine.',
        });
      }
      for (const sql of SCHEMA) await session.script(sql);
    },
    { exclusion: 'schema', sideTables: false },
  );
}

/**
 * See MetaStore.open. Of several programs that start at once one upgrades and the others wait; stopped in the middle, the database is what
 * it was. An upgrade waits for transactions of others that use the tables.
 */
export async function prepareDatabase(
  connection: PostgresConnection,
  logger: Logger,
  { asItIs }: OpenOptions = {},
): Promise<void> {
  if ((await existing(connection, ['versions'])).length === 0) throw notInitialized(connection.label);
  if (!isOutdated(connection.label, await readRevision(connection, connection.label))) return;
  if (asItIs === true) {
    throw new BackyError('database', `The database ${connection.label} has an old revision.`, {
      hint: 'Any other command upgrades it.',
    });
  }
  const from = await connection.write((session) => upgrade(session, connection.label), {
    exclusion: 'schema',
    sideTables: false,
  });
  if (from !== undefined) logger.info(`Upgraded the database ${connection.label} from revision ${from} to ${NEWEST_REVISION}.`);
}

/** @returns the revision before; undefined when another program was quicker. */
async function upgrade(session: Reader & { script(sql: string): Promise<unknown> }, label: string): Promise<string | undefined> {
  const revision = await readRevision(session, label);
  if (!isOutdated(label, revision)) return undefined;
  try {
    const done = (REVISIONS as readonly string[]).indexOf(revision ?? '');
    for (const step of REVISIONS.slice(done + 1)) for (const sql of STEPS[step]) await session.script(sql);
    await session.script(
      'CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))',
    );
    await session.script(`DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('${NEWEST_REVISION}')`);
    return revision ?? FIRST_REVISION;
  } catch (error) {
    throw explain(error, label);
  }
}

/** What the database says of itself; undefined when nothing. */
async function readRevision(reader: Reader, label: string): Promise<string | undefined> {
  if ((await existing(reader, ['alembic_version'])).length === 0) return undefined;
  const rows = await reader.query<{ version_num: string }>('SELECT version_num FROM alembic_version ORDER BY version_num');
  if (rows.length > 1) {
    const named = rows.map((row) => row.version_num).join(', ');
    throw new BackyError('database', `The database ${label} names several revisions: ${named}. Nothing was changed.`, {
      hint: 'Its table alembic_version must have one row.',
    });
  }
  return rows[0]?.version_num;
}

async function existing(reader: Reader, tables: readonly string[]): Promise<string[]> {
  const sql = 'SELECT name FROM unnest($1::text[]) AS wanted(name) WHERE to_regclass(name) IS NOT NULL';
  return (await reader.query<{ name: string }>(sql, [arrayOf(tables)])).map(({ name }) => name);
}

/** Conflicts and lost connections stay what they are: they are tried again. */
function explain(error: unknown, label: string): unknown {
  if (!(error instanceof DatabaseError) || /^(40|57|08)/.test(error.code ?? '')) return error;
  const why = toDatabaseError(label, error);
  if (!(why instanceof BackyError)) return error;
  return new BackyError(
    'database',
    `The database ${label} has an old revision and can't be upgraded: ${error.message} (${error.code}). Nothing was changed.`,
    {
      hint:
        error.code === '42501'
          ? 'Run a command once as the owner of its tables.'
          : 'Is it really a database of backy2, with all its tables?',
      cause: error,
    },
  );
}
