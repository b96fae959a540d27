import { BackyError, messageOf } from '../../errors.ts';
import { silentLogger } from '../../logger.ts';
import type { NoDatabaseError } from '../../meta/no-database.ts';
import type { Context } from '../context.ts';
import { openStorage } from './storage.ts';
import { labelOf } from './store-errors.ts';

/** What to do when blobs are there and their database is not. */
const BRING_BACK = 'Bring that database back from a backup of it, or import the exports of its versions.';

/** What a data backend holds that no database was seen to belong to. */
interface FoundStore {
  /** Sorted; none where the store is older than ids. */
  ids: readonly string[];
}

/**
 * Warns that a database which was just made stands beside blobs of another one, and takes over the
 * store's id, so that its exports can be imported. Never writes to the data backend. One that can't
 * be reached holds nothing up.
 */
export async function adoptStore(context: Context): Promise<void> {
  const store = await lookForStore(context);
  if (store === undefined) return;
  context.logger.warning(
    `The data backend ${labelOf(context.data.backend)} holds blobs already, which belong to a database that is not this new one. ${BRING_BACK} Until then cleanup --full does not delete them.`,
  );
  const [id] = store.ids;
  if (id !== undefined) await context.meta.keepStoreId(id);
}

/**
 * The error for a database that is not there, with the advice that fits what the data backend
 * holds.
 */
export async function explainNoDatabase(context: Context, error: NoDatabaseError): Promise<BackyError> {
  if ((await lookForStore(context)) === undefined) return error;
  return new BackyError(
    'database',
    `${error.what}, but the data backend ${labelOf(context.data.backend)} holds blobs: the database they belong to was lost or moved.`,
    { hint: `Check [MetaBackend] engine in the config file. ${BRING_BACK}`, cause: error },
  );
}

/**
 * Costs one small request, and a listing up to its first blob. Undefined: no store there, or none
 * that can be seen now.
 */
async function lookForStore(context: Context): Promise<FoundStore | undefined> {
  const { data, logger } = context;
  // A question about the database does not wait for a server that is down.
  const backend = openStorage({ ...context, data: withoutRetries(data), logger: silentLogger });
  try {
    const ids = await backend.storeIds('short');
    if (ids === undefined) return undefined;
    if (ids.length > 0) return { ids: ids.toSorted() };
    for await (const _ of backend.list('')) return { ids };
    return undefined;
  } catch (error) {
    if (!(error instanceof BackyError)) throw error;
    logger.debug(`The data backend can't be looked at: ${messageOf(error)}`);
    return undefined;
  } finally {
    await backend.close();
  }
}

function withoutRetries(data: Context['data']): Context['data'] {
  return data.backend.type === 's3' ? { ...data, backend: { ...data.backend, retryForMs: 0 } } : data;
}
