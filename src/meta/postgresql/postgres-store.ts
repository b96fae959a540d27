import type { Logger } from '../../logger.ts';
import type { Fence } from '../../model/fence.ts';
import type { Layout } from '../../model/layout.ts';
import { byLayout } from '../by-layout.ts';
import { compactQueries } from '../compact/compact-queries.ts';
import type { MetaStore, OpenOptions } from '../meta-store.ts';
import { bind } from '../sql/bind.ts';
import { sharedQueries } from '../sql/shared-queries.ts';
import { commitGroup, findBlobs } from './backup.ts';
import { PostgresConnection } from './connection.ts';
import { type ConnectedStore, convertTo, databaseSize } from './conversion.ts';
import { diskUsage } from './disk-usage.ts';
import { dumpDatabase } from './dump.ts';
import { parseEngineUrl, type ServerAddress } from './engine-url.ts';
import { fill } from './fill.ts';
import { heal } from './heal.ts';
import { removeVersion } from './remove-version.ts';
import { rewrapKeys } from './rewrap-keys.ts';
import { takeOver } from './take-over.ts';
import { importVersion } from './transfer.ts';
import { initialize, prepareDatabase } from './upgrade.ts';

/** How a PostgreSQL store is made. */
export interface PostgresStoreOptions {
  /** An engine URL (docs/spec/formats.md §3). */
  engine: string;
  logger: Logger;
  now: () => Date;
  /** Ends waits for a lost server early. */
  signal?: AbortSignal | undefined;
  /** The locks between hosts that are held: no transaction commits once their session is lost. */
  fence?: (() => Fence | undefined) | undefined;
}

/** The same server, with more options for each session. */
function withOptions(address: ServerAddress, more: string): ServerAddress {
  const options = `${address.options.get('options') ?? ''} ${more}`.trim();
  return { ...address, options: new Map([...address.options, ['options', options]]) };
}

/**
 * The metadata in a PostgreSQL database, the same that the original uses. Several hosts can work on
 * it at once. Touches nothing until `open` or `initialize`.
 * @throws BackyError `config` for an invalid URL.
 */
export function postgresStore({ engine, ...options }: PostgresStoreOptions): MetaStore {
  return connectedStore(parseEngineUrl(engine), options).store;
}

function connectedStore(address: ServerAddress, options: Omit<PostgresStoreOptions, 'engine'>): ConnectedStore {
  const connection = new PostgresConnection({ address, ...options });
  const classic = {
    ...sharedQueries(connection),
    ...bind(connection, { findBlobs, commitGroup, takeOver, heal, removeVersion }),
    ...bind(connection, { importVersion, fill, rewrapKeys, diskUsage }),
    ...bind(connection, {
      withUnusedCandidates: () => {},
      // The server looks after its indexes. Comparing one with its table takes a superuser and
      // amcheck.
      prepareFullCleanup: () => {},
      verifyIndexes: () => {},
    }),
  };
  const store: MetaStore = {
    ...byLayout({ classic, compact: compactQueries(connection) }, () => connection.layout),
    ...bind(connection, {
      initialize,
      async open(db: PostgresConnection, how: OpenOptions = {}) {
        await prepareDatabase(db, options.logger, how);
        return { isNew: false };
      },
      layout: (db: PostgresConnection) => db.layout,
      copyTo: (_: PostgresConnection, to: string, signal: AbortSignal) => dumpDatabase(address, to, signal),
      close: (db: PostgresConnection) => db.close(),
      readOnlyReason: () => undefined,
      databaseSize,
      convertTo: (db: PostgresConnection, to: Layout) =>
        convertTo(db, to, (more) => connectedStore(withOptions(address, more), options)),
    }),
  };
  return { store, connection };
}
