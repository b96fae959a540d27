import { copyFileSync, existsSync, linkSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import type { Layout } from '../../model/layout.ts';
import { syncPath } from '../../native/sync-path.ts';
import { resolveBlobs } from '../compact/catalogue-marks.ts';
import { type Conversion, type DatabaseSize, unusableCopy } from '../conversion.ts';
import type { MetaStore } from '../meta-store.ts';
import { bind } from '../sql/bind.ts';
import { copyRest } from '../sql/copy-rest.ts';
import { countContent } from '../sql/database-size.ts';
import { sql } from '../sql/statement.ts';
import type { SqliteConnection } from './connection.ts';
import { createLike } from './copy-beside.ts';
import { notWritable } from './database-errors.ts';

/** A store with its connection. */
export interface ConnectedStore {
  store: MetaStore;
  connection: SqliteConnection;
}

/**
 * See ConversionStore.convertTo. The new database is a file beside the old one, which it replaces
 * by a rename. The old file keeps its content under another name, without a copy.
 */
export async function convertTo(
  source: SqliteConnection,
  to: Layout,
  connect: (path: string) => ConnectedStore,
): Promise<Conversion<MetaStore>> {
  const { label, layout: from, readOnlyReason } = source;
  if (readOnlyReason !== undefined) throw notWritable(label, readOnlyReason);
  // A symlink stays one.
  const path = realpathSync(label);
  const beside = `${path}.converting-to-${to}`;
  await source.makeSideTables();
  await resolveBlobs(source);
  if (!existsSync(beside)) withReason(path, () => createLike(path, beside));
  const { store, connection } = connect(beside);
  const giveUp = `remove ${beside}`;
  await openBeside(store, { to, beside, giveUp });
  return {
    ...{ target: store, giveUp },
    ...bind(connection, {
      copyRest: () => copyFrom(connection, { path, layout: from }),
      async replace() {
        await store.close();
        source.close();
        return withReason(path, () => replaceFile(path, beside, `${path}.before-${to}`));
      },
      close: () => store.close(),
    }),
  };
}

/** Opens the new database, and makes its tables. A file of that name may be anything. */
async function openBeside(
  store: MetaStore,
  { to, beside, giveUp }: { to: Layout; beside: string; giveUp: string },
): Promise<void> {
  try {
    await store.open({ layout: to });
  } catch (error) {
    await store.close().catch(() => {});
    throw unusableCopy(error, { place: `The file ${beside}`, giveUp });
  }
}

async function copyFrom(connection: SqliteConnection, { path, layout }: { path: string; layout: Layout }): Promise<void> {
  await connection.makeSideTables();
  connection.prepare('ATTACH DATABASE ? AS old').run(path);
  await connection.transaction(() => copyRest({ schema: 'old', layout }));
  connection.exec('DETACH DATABASE old');
}

/** Gives failures of system calls a reason. */
function withReason<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof BackyError || errnoOf(error) === undefined) throw error;
    throw new BackyError('database', `The database ${path} can't be converted: ${messageOf(error)}`, {
      hint: 'It is whole, in the old layout or the new one. Check space and permissions of its folder, then run the command again.',
      cause: error,
    });
  }
}

/** See ConversionStore.databaseSize. */
export async function databaseSize(connection: SqliteConnection): Promise<DatabaseSize> {
  const { bytes } = await connection.queryOne<{ bytes: number }>(
    sql`SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`,
  );
  return { bytes, ...(await countContent(connection, connection.layout)) };
}

/** @returns the name of the old file: `wanted`, or that with a number. */
function replaceFile(path: string, beside: string, wanted: string): string {
  for (const file of [path, beside]) refuseInUse(file);
  syncPath(beside);
  const kept = keep(path, wanted);
  syncPath(dirname(path));
  renameSync(beside, path);
  syncPath(dirname(path));
  return kept;
}

/** Refuses a file with changes of another program: they would be lost. */
function refuseInUse(path: string): void {
  const left = ['-wal', '-journal'].map((suffix) => path + suffix).find((file) => existsSync(file) && statSync(file).size > 0);
  if (left === undefined) return;
  throw new BackyError('database', `Another program has the database ${path} open: there is ${left}. Nothing was changed.`, {
    hint: 'End that program, then run the command again.',
  });
}

/** Gives the file one more name. A killed conversion may have done that already. */
function keep(path: string, wanted: string): string {
  for (let n = 1; ; n++) {
    const kept = n === 1 ? wanted : `${wanted}.${n}`;
    const there = statSync(kept, { throwIfNoEntry: false });
    if (there !== undefined && there.ino === statSync(path).ino) return kept;
    if (there !== undefined) continue;
    try {
      linkSync(path, kept);
    } catch {
      // The file system has no hard links.
      const unfinished = `${kept}.unfinished`;
      rmSync(unfinished, { force: true });
      createLike(path, unfinished);
      copyFileSync(path, unfinished);
      syncPath(unfinished);
      renameSync(unfinished, kept);
    }
    return kept;
  }
}
