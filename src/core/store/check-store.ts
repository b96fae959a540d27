import { setTimeout as sleep } from 'node:timers/promises';
import type { DataBackend } from '../../data/data-backend.ts';
import { newStoreId } from '../../data/store-id.ts';
import { BackyError } from '../../errors.ts';
import { LOCK_NAMES, type LockService } from '../../locking/lock.ts';
import type { Context } from '../context.ts';
import { holding } from '../versions/locks.ts';
import { probeBlobs, SAMPLE_BLOBS } from './probe-blobs.ts';
import { withStorage } from './storage.ts';
import { lostStore, unknownStore, wrongStore } from './store-errors.ts';

/** Another command that is just making the id has done so by then. */
const ID_WAIT_MS = 5_000;
const ID_RETRY_MS = 50;

/** Options of a check. */
interface StoreCheck {
  /**
   * Accept a store whose id and blobs are missing, but never another store. Undefined: the command
   * has no such option.
   */
  acceptDamage?: boolean | undefined;
  /** False: do not give an id to a store that has none. */
  keepsId?: boolean;
}

/**
 * Makes sure, before any work, that the data backend answers and is the store of this database. A
 * store without an id gets one if it is new, or if it has most of a sample of the database's blobs.
 * @throws BackyError `wrongStore`, with nothing changed.
 */
export async function checkStore(context: Context, check: StoreCheck = {}): Promise<void> {
  await withStorage(context, (backend) => identifyStore(context, backend, check));
}

/** The same with a data backend that is open. */
export async function identifyStore(
  context: Context,
  backend: DataBackend,
  { acceptDamage, keepsId }: StoreCheck = {},
): Promise<void> {
  const { meta, data } = context;
  // The database first: a new id is kept there last.
  const own = await meta.storeId();
  const ids = await backend.storeIds('short');
  if (ids === undefined || compareIds(data, { own, ids })) return;
  if (acceptDamage !== true) await recogniseStore(context, backend, acceptDamage !== undefined);
  if (keepsId !== false) await keepId(context, backend);
}

/** The ids of a store as the database and the data backend have them. */
interface StoreIds {
  own: string | undefined;
  ids: readonly string[];
}

/**
 * @returns whether both have the id; false if one of them has none.
 * @throws BackyError `wrongStore` if the ids differ.
 */
export function compareIds({ backend }: Context['data'], { own, ids }: StoreIds): boolean {
  if (own === undefined || ids.length === 0) return false;
  if (ids.includes(own)) return true;
  throw wrongStore(backend, { own, ids });
}

/** Makes sure that the store is still the same: its file system may have been unmounted. */
export async function confirmStore({ meta, data, signal }: Context, backend: DataBackend): Promise<void> {
  const own = await meta.storeId();
  const ids = await backend.storeIds('full', signal.aborted ? undefined : signal);
  // Without an id, on a read-only disk for example, there is nothing to compare.
  if (ids === undefined || own === undefined || ids.includes(own)) return;
  throw lostStore(data.backend, { own, ids });
}

/** The same before each group of new rows. Costs no request: a bucket can't be unmounted. */
export async function confirmMounted(context: Context): Promise<void> {
  if (context.data.backend.type === 'file') await withStorage(context, (backend) => confirmStore(context, backend));
}

async function recogniseStore({ meta, data, random, signal }: Context, backend: DataBackend, canAccept: boolean): Promise<void> {
  if (!(await meta.namesBlobs())) return;
  const valid = await meta.sampleBlobs({ limit: SAMPLE_BLOBS, random });
  // If all rows are known to be bad, they are all there is to go by.
  const sample = valid.length > 0 ? valid : await meta.sampleBlobs({ limit: SAMPLE_BLOBS, random, alsoInvalid: true });
  const { probed, missing } = await probeBlobs(backend, sample, signal);
  if (missing.length * 2 > probed || probed === 0)
    throw unknownStore(data.backend, { probed, missing: missing.length, canAccept });
}

/**
 * No command fails if the id can't be kept, on a read-only disk for example. The next one
 * recognises the store again.
 */
async function keepId({ meta, locks, logger }: Context, backend: DataBackend): Promise<void> {
  try {
    await holding([() => lockStoreId(locks)], async () => {
      // The data backend first. After a crash, an id in the database alone would look like another
      // store's.
      const own = await meta.storeId();
      const there = (await backend.storeIds('full')) ?? [];
      const id = own ?? there.toSorted()[0] ?? newStoreId();
      const [kept = id] = there.includes(id) ? [id] : await backend.createStoreId(id);
      if (own === undefined) await meta.keepStoreId(kept);
    });
  } catch (error) {
    if (!(error instanceof BackyError) || !['dataBackend', 'database', 'locked', 'io'].includes(error.code)) throw error;
    logger.debug(`The store's id could not be kept: ${error.message}`);
  }
}

async function lockStoreId(locks: LockService) {
  for (const giveUpAt = performance.now() + ID_WAIT_MS; ; await sleep(ID_RETRY_MS)) {
    const lock = await locks.tryAcquire(LOCK_NAMES.storeId, 'exclusive');
    if (lock !== undefined) return lock;
    if (performance.now() > giveUpAt) throw new BackyError('locked', "Another command is creating the store's id.");
  }
}
