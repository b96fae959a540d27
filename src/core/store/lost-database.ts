import { HEADS } from '../../data/catalogue/names.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError, messageOf } from '../../errors.ts';
import { silentLogger } from '../../logger.ts';
import type { NoDatabaseError } from '../../meta/no-database.ts';
import type { Context } from '../context.ts';
import { withStorage } from './storage.ts';
import { labelOf } from './store-errors.ts';

/** Advice for blobs whose database is missing. */
function bringBack({ hasCatalogue }: FoundStore): string {
  const ways = hasCatalogue ? 'make it from the catalogue with "backy2 rebuild-db"' : 'import the exports of its versions';
  return `Bring that database back from a backup of it, or ${ways}.`;
}

/** A store whose database is unknown. */
interface FoundStore {
  /** Sorted. None if the store is older than store ids. */
  ids: readonly string[];
  /** It has manifests of versions. */
  hasCatalogue: boolean;
}

/**
 * Warns that a database which was just made stands beside blobs of another one. Takes over the
 * store's id, so that exports of its versions can be imported. Writes nothing to the data backend,
 * and does not fail if it can't be reached.
 */
export async function adoptStore(context: Context): Promise<void> {
  const store = await lookForStore(context);
  if (store === undefined) return;
  context.logger.warning(
    `The data backend ${labelOf(context.data.backend)} holds blobs already, which belong to a database that is not this new one. ${bringBack(store)} Until then cleanup --full does not delete them.`,
  );
  const [id] = store.ids;
  if (id !== undefined) await context.meta.keepStoreId(id);
}

/** The error for a missing database, with advice for what the data backend holds. */
export async function explainNoDatabase(context: Context, error: NoDatabaseError): Promise<BackyError> {
  const store = await lookForStore(context);
  if (store === undefined) return error;
  return new BackyError(
    'database',
    `${error.what}, but the data backend ${labelOf(context.data.backend)} holds blobs: the database they belong to was lost or moved.`,
    { hint: `Check [MetaBackend] engine in the config file. ${bringBack(store)}`, cause: error },
  );
}

/**
 * Costs one small request, and listings up to the first manifest and blob.
 * @returns undefined if there is no
 * store, or it can't be reached.
 */
async function lookForStore(context: Context): Promise<FoundStore | undefined> {
  const { data, logger } = context;
  // No retries: a question about the database does not wait for a server that is down.
  try {
    return await withStorage({ data: withoutRetries(data), logger: silentLogger }, findStore);
  } catch (error) {
    if (!(error instanceof BackyError)) throw error;
    logger.debug(`The data backend can't be looked at: ${messageOf(error)}`);
    return undefined;
  }
}

async function findStore(backend: DataBackend): Promise<FoundStore | undefined> {
  const ids = await backend.storeIds('short');
  if (ids === undefined) return undefined;
  const hasCatalogue = await hasManifests(backend);
  if (ids.length > 0 || hasCatalogue) return { ids: ids.toSorted(), hasCatalogue };
  for await (const _ of backend.list('')) return { ids, hasCatalogue };
  return undefined;
}

async function hasManifests({ objects }: DataBackend): Promise<boolean> {
  if (objects === undefined) return false;
  for await (const _ of objects.list(HEADS)) return true;
  return false;
}

function withoutRetries(data: Context['data']): Context['data'] {
  return data.backend.type === 's3' ? { ...data, backend: { ...data.backend, retryForMs: 0 } } : data;
}
