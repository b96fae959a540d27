import { rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { outdated, readRevision } from '../sql/revision-steps.ts';
import { FIRST_REVISION, isOutdated, NEWEST_REVISION } from '../sql/revisions.ts';
import type { SqliteConnection } from './connection.ts';
import { type Copy, copyDatabase } from './copy-beside.ts';
import { isBusy } from './database-errors.ts';
import { rebuildTables } from './rebuild.ts';

/** Attempts while another process keeps reading; SQLite waits a minute in each. */
const ATTEMPTS = 30;

/**
 * A database of this size takes seconds, one of many times this size minutes. SQLite handles no
 * signals in that time.
 */
const LARGE_MIB = 100;

/**
 * Upgrades a database of an older revision in one transaction, and keeps a copy of the old one:
 * `<path>.before-<newest revision>`. Of several programs that start at once, one upgrades and the
 * others wait. Interrupted at any time, the database is either the old or the new one, and the next
 * call continues. Cost: nothing on a new database; else time and space for about twice its size.
 * @throws BackyError `database`, with nothing changed.
 */
export async function upgradeDatabase(connection: SqliteConnection, logger: Logger): Promise<void> {
  const path = connection.label;
  for (let attempt = 1; await mustUpgrade(connection); attempt++) {
    try {
      await upgradeOnce(connection, logger);
    } catch (error) {
      if (!isBusy(error) || attempt === ATTEMPTS) throw explain(error, path, isStillOld(connection));
      logger.info(`Waiting for another process that reads ${path}, to upgrade it.`);
    }
  }
}

/** Refuses a database that {@link upgradeDatabase} would upgrade. */
export async function refuseOutdated(connection: SqliteConnection): Promise<void> {
  if (await mustUpgrade(connection)) throw outdated(connection.label);
}

/**
 * Upgrades the private copy of a database that can't be written; see SqliteConnection.moveToCopy.
 */
export async function upgradeCopy(connection: SqliteConnection): Promise<void> {
  if (!(await mustUpgrade(connection))) return;
  await connection.moveToCopy(() =>
    inLegacyMode(connection, () => connection.alone(async () => rebuildTables(connection, connection.label))),
  );
}

/**
 * Otherwise SQLite would change references to the tables that are set aside: they are to name the
 * new ones.
 */
async function inLegacyMode(connection: SqliteConnection, body: () => Promise<void>): Promise<void> {
  connection.exec('PRAGMA legacy_alter_table = ON');
  try {
    await body();
  } finally {
    connection.exec('PRAGMA legacy_alter_table = OFF');
  }
}

function mustUpgrade(connection: SqliteConnection): Promise<boolean> {
  return connection.whenFree(() => isOld(connection));
}

function isOld(connection: SqliteConnection): boolean {
  return isOutdated(connection.label, connection.play(readRevision(connection)));
}

async function upgradeOnce(connection: SqliteConnection, logger: Logger): Promise<void> {
  const path = connection.label;
  let copy: Copy | undefined;
  let from = FIRST_REVISION;
  try {
    await inLegacyMode(connection, () =>
      connection.alone(async () => {
        const revision = connection.play(readRevision(connection));
        // Another program was faster.
        if (!isOutdated(path, revision)) return;
        from = revision ?? FIRST_REVISION;
        const mib = Math.round(statSync(path).size / 2 ** 20);
        if (mib >= LARGE_MIB)
          logger.info(
            `Upgrading the database ${path} (${mib} MiB) from revision ${from}. This can take some minutes; please wait.`,
          );
        copy = await copyDatabase(path, `${path}.before-${NEWEST_REVISION}`);
        rebuildTables(connection, path);
      }),
    );
  } catch (error) {
    if (copy?.isNew === true && isStillOld(connection)) rmSync(copy.path, { force: true });
    throw error;
  }
  if (copy === undefined) return;
  logger.info(
    `Upgraded the database ${path} from revision ${from} to ${NEWEST_REVISION}. The old database is kept in ${copy.path}.`,
  );
}

/** After a failure; the copy of a database that did not change only takes space. */
function isStillOld(connection: SqliteConnection): boolean {
  try {
    return isOld(connection);
  } catch {
    return false;
  }
}

function explain(error: unknown, path: string, isUnchanged: boolean): unknown {
  if (error instanceof BackyError) return error;
  const code = error instanceof Database.SqliteError ? error.code : errnoOf(error);
  if (code === undefined) return error;
  const why = `${messageOf(error)} (${code})`;
  // The commit itself may have failed after it was made.
  const message = isUnchanged
    ? `The database ${path} has an old revision and can't be upgraded: ${why}. Nothing was changed.`
    : `The upgrade of the database ${path} failed at its end: ${why}. It is intact, either old or upgraded.`;
  return new BackyError('database', message, { hint: hintFor(code, path), cause: error });
}

function hintFor(code: string, path: string): string {
  if (['SQLITE_FULL', 'ENOSPC', 'EDQUOT'].includes(code))
    return `Make room in its folder: a copy of it and its new tables need about ${roomMiB(path)} MiB.`;
  if (code === 'EIO' || code.startsWith('SQLITE_IOERR'))
    return 'The system could not read, write or lock the file: the kernel log may tell why. Fix that, then run the command again.';
  return 'Run a command once as a user who may write to the database and to its folder.';
}

/** The copy, the new tables, and half as much again for indexes and the journal. */
function roomMiB(path: string): number {
  return Math.ceil((statSync(path).size * 2.5) / 2 ** 20);
}
