import { DatabaseError } from 'pg';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Layout } from '../../model/layout.ts';
import type { OpenOptions } from '../meta-store.ts';
import { alreadyInitialized, outdated, readRevision } from '../sql/revision-steps.ts';
import {
  FIRST_REVISION,
  isBeingFilled,
  isOutdated,
  layoutOf,
  NEWEST_REVISION,
  REVISIONS,
  refuseOtherLayout,
} from '../sql/revisions.ts';
import { REVISION, TABLE_NAMES } from '../sql/schema.ts';
import { rowsOf } from '../sql/steps.ts';
import type { PostgresConnection } from './connection.ts';
import { notInitialized, toDatabaseError } from './database-errors.ts';
import { STEPS } from './revisions.ts';
import { SCHEMAS } from './schema.ts';
import type { Session } from './session.ts';

/**
 * See MetaStore.initialize. One transaction under a lock: of two programs at once, one is refused.
 */
export async function initialize(connection: PostgresConnection, layout: Layout = 'classic'): Promise<void> {
  await connection.write(
    async (session) => {
      for (const name of [...TABLE_NAMES, 'alembic_version']) {
        if ((await session.query(connection.dialect.hasTable(name))).length > 0)
          throw alreadyInitialized(connection.label, 'To start afresh, name another database in [MetaBackend] engine.');
      }
      for (const statement of SCHEMAS[layout]) await session.script(statement);
    },
    { exclusion: 'schema', sideTables: false },
  );
  connection.layout = layout;
}

/**
 * See MetaStore.open. Of several programs that start at once one upgrades and the others wait. When
 * it is stopped in the middle, the database does not change. An upgrade waits for transactions of
 * others that use the tables.
 */
export async function prepareDatabase(
  connection: PostgresConnection,
  logger: Logger,
  { asItIs = false, fills = false, layout }: OpenOptions,
): Promise<void> {
  const { label, dialect } = connection;
  const revision = await connection.read(function* () {
    if ((yield* rowsOf(dialect.hasTable('versions'))).length === 0) throw notInitialized(label);
    return yield* readRevision(connection);
  });
  refuseOtherLayout(label, revision, layout);
  if ((fills && isBeingFilled(revision)) || !isOutdated(label, revision)) {
    connection.layout = layoutOf(revision);
    return;
  }
  if (asItIs) throw outdated(label);
  const from = await connection.write((session) => upgrade(session, connection), { exclusion: 'schema', sideTables: false });
  if (from !== undefined) logger.info(`Upgraded the database ${label} from revision ${from} to ${NEWEST_REVISION}.`);
}

/** @returns the revision before; undefined when another program was quicker. */
async function upgrade(session: Session, connection: PostgresConnection): Promise<string | undefined> {
  const { label, dialect } = connection;
  const revision = await session.play(readRevision(connection));
  if (!isOutdated(label, revision)) return undefined;
  try {
    const done = (REVISIONS as readonly string[]).indexOf(revision ?? '');
    for (const step of REVISIONS.slice(done + 1)) for (const statement of STEPS[step]) await session.script(statement);
    const [table, row] = REVISION;
    if ((await session.query(dialect.hasTable('alembic_version'))).length === 0) await session.script(table);
    await session.script('DELETE FROM alembic_version');
    await session.script(row);
    return revision ?? FIRST_REVISION;
  } catch (error) {
    throw explain(error, label);
  }
}

/** Conflicts and lost connections are thrown as they are: they are retried. */
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
