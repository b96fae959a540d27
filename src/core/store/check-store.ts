import { setTimeout as sleep } from 'node:timers/promises';
import type { DataBackend } from '../../data/data-backend.ts';
import { newStoreId } from '../../data/store-id.ts';
import { BackyError } from '../../errors.ts';
import { LOCK_NAMES, type LockService } from '../../locking/lock.ts';
import type { Context } from '../context.ts';
import { holding } from '../versions/locks.ts';
import { probeBlobs, SAMPLE_BLOBS } from './probe-blobs.ts';
import { openStorage } from './storage.ts';
import { lostStore, unknownStore, wrongStore } from './store-errors.ts';

/** Another command that is just making the id has done so by then. */
const ID_WAIT_MS = 5_000;
const ID_RETRY_MS = 50;

/** How a store is checked. */
export interface StoreCheck {
  /**
   * Go on with a store whose id and blobs are gone. Never with another store. Undefined: the command
   * has no such option.
   */
  acceptDamage?: boolean | undefined;
  /** False: give a store without an id none. */
  keepsId?: boolean;
}

/**
 * Makes sure, before any work, that the data backend answers and is the store that the database belongs to. A store without an id gets one
 * when it is new, or when most of a sample of the blobs that the database names are there. Else a BackyError `wrongStore`, with nothing changed.
 */
export async function checkStore(context: Context, how: StoreCheck = {}): Promise<void> {
  const backend = openStorage(context);
  try {
    await identifyStore(context, backend, how);
  } finally {
    await backend.close();
  }
}

/** The same with a data backend that is open. */
export async function identifyStore(
  context: Context,
  backend: DataBackend,
  { acceptDamage, keepsId }: StoreCheck = {},
): Promise<void> {
  const { meta, data } = context;
  // The database first: whoever makes an id keeps it there last.
  const own = await meta.storeId();
  const ids = await backend.storeIds('short');
  if (ids === undefined || compareIds(data, { own, ids })) return;
  if (acceptDamage !== true) await recogniseStore(context, backend, acceptDamage !== undefined);
  if (keepsId !== false) await keepId(context, backend);
}

/**
 * @returns whether both have the id; false where one of them has none.
 * @throws BackyError `wrongStore` when the ids differ.
 */
export function compareIds(
  { backend }: Context['data'],
  { own, ids }: { own: string | undefined; ids: readonly string[] },
): boolean {
  if (own === undefined || ids.length === 0) return false;
  if (ids.includes(own)) return true;
  throw wrongStore(backend, { own, ids });
}

/** Makes sure that the store is still the one that the command began with: a file system may have been unmounted. */
export async function confirmStore({ meta, data, signal }: Context, backend: DataBackend): Promise<void> {
  const own = await meta.storeId();
  const ids = await backend.storeIds('full', signal.aborted ? undefined : signal);
  // Where the id could not be kept, there is nothing to compare.
  if (ids === undefined || own === undefined || ids.includes(own)) return;
  throw lostStore(data.backend, { own, ids });
}

/**
 * The same before each group of rows whose blobs were just written. A bucket can't be unmounted: there it costs no request.
 */
export async function confirmMounted(context: Context): Promise<void> {
  if (context.data.backend.type !== 'file') return;
  const backend = openStorage(context);
  try {
    await confirmStore(context, backend);
  } finally {
    await backend.close();
  }
}

async function recogniseStore({ meta, data, random, signal }: Context, backend: DataBackend, canAccept: boolean): Promise<void> {
  if (!(await meta.namesBlobs())) return;
  const valid = await meta.sampleBlobs({ limit: SAMPLE_BLOBS, random });
  // Where all rows are known to be bad, they have to do.
  const sample = valid.length > 0 ? valid : await meta.sampleBlobs({ limit: SAMPLE_BLOBS, random, alsoInvalid: true });
  const { probed, missing } = await probeBlobs(backend, sample, signal);
  if (missing.length * 2 > probed || probed === 0)
    throw unknownStore(data.backend, { probed, missing: missing.length, canAccept });
}

/** That the id can't be kept, on a read-only disk for example, fails no command: the next one recognises the store again. */
async function keepId({ meta, locks, logger }: Context, backend: DataBackend): Promise<void> {
  try {
    await holding([() => lockStoreId(locks)], async () => {
      // The data backend first: an id in the database alone would make it look like another store after a crash.
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
    if (performance.now() > giveUpAt) throw new BackyError('locked', 'Another command is making the store its id.');
  }
}
