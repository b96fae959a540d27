import type { Logger } from '../../logger.ts';
import type { Layout } from '../../model/layout.ts';
import type { OpenOptions } from '../meta-store.ts';
import { alreadyInitialized, readRevision } from '../sql/revision-steps.ts';
import { isBeingFilled, layoutOf, refuseOtherLayout } from '../sql/revisions.ts';
import type { SqliteConnection } from './connection.ts';
import { copySnapshot } from './copy-beside.ts';
import { notUsable } from './database-errors.ts';
import { SCHEMAS } from './schema.ts';
import { refuseOutdated, upgradeCopy, upgradeDatabase } from './upgrade.ts';

/** How a database is opened. */
interface OpenRequest extends OpenOptions {
  /** Create the database when it is missing (the embedded default). */
  createIfMissing: boolean;
  logger: Logger;
}

/** See MetaStore.initialize. */
export async function initialize(connection: SqliteConnection, layout: Layout = 'classic'): Promise<void> {
  await connection.open(true);
  if (hasTable(connection, 'versions') || hasTable(connection, 'alembic_version'))
    throw alreadyInitialized(
      connection.label,
      'To start afresh, name another file as [MetaBackend] engine, or move this one away.',
    );
  await writeSchema(connection, layout);
  connection.layout = layout;
}

/** See MetaStore.open. */
export async function open(connection: SqliteConnection, request: OpenRequest): Promise<{ isNew: boolean }> {
  const { createIfMissing, asItIs = false, fills = false, layout, logger } = request;
  const mayCreate = createIfMissing && !asItIs;
  await connection.open(mayCreate);
  const isNew = mayCreate && !(await isOurs(connection));
  if (isNew) await writeSchema(connection, layout ?? 'classic');
  await refuseForeign(connection);
  const revision = await connection.whenFree(() => connection.play(readRevision(connection)));
  refuseOtherLayout(connection.label, revision, layout);
  if (fills && isBeingFilled(revision)) {
    connection.layout = layoutOf(revision);
    return { isNew };
  }
  if (asItIs) await refuseOutdated(connection);
  else if (connection.readOnlyReason !== undefined) await upgradeCopy(connection);
  else await upgradeDatabase(connection, logger);
  connection.layout = await connection.whenFree(() => layoutOf(connection.play(readRevision(connection))));
  return { isNew };
}

/** See MetaStore.layout. */
export function layout(connection: SqliteConnection): Layout {
  return connection.layout;
}

/** See MetaStore.readOnlyReason. */
export function readOnlyReason(connection: SqliteConnection): string | undefined {
  return connection.readOnlyReason;
}

/** See MetaStore.copyTo. */
export async function copyTo(connection: SqliteConnection, to: string, signal: AbortSignal): Promise<void> {
  await connection.open(false);
  await refuseForeign(connection);
  await copySnapshot(connection, to, signal);
}

/** See MetaStore.close. */
export async function close(connection: SqliteConnection): Promise<void> {
  connection.close();
}

async function writeSchema(connection: SqliteConnection, layout: Layout): Promise<void> {
  await connection.write(() => {
    // Two first commands may start at once.
    if (hasTable(connection, 'versions')) return;
    for (const statement of SCHEMAS[layout]) connection.exec(statement);
  });
}

async function refuseForeign(connection: SqliteConnection): Promise<void> {
  if (!(await isOurs(connection))) throw notUsable(connection.label, 'it has no tables of backy2');
}

function isOurs(connection: SqliteConnection): Promise<boolean> {
  return connection.whenFree(() => hasTable(connection, 'versions'));
}

function hasTable(connection: SqliteConnection, name: string): boolean {
  return connection.all(connection.dialect.hasTable(name)).length > 0;
}
