import { rewrapCatalogueKey } from '../../data/catalogue/rewrap-key.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import { keepsCatalogue } from './flush.ts';

/**
 * Runs `body`, which wraps the data keys of the database with another master key. Before, the
 * catalogue key gets a wrap by both keys, so that it opens with the right one after a crash at any
 * moment; after, only by the new one. Leaves do not change.
 */
export async function rekeyingCatalogue<T>(context: Context, oldKey: string, body: () => Promise<T>): Promise<T> {
  if (!keepsCatalogue(context)) return body();
  const { meta, settings, locks } = context;
  return withStorage(context, async (backend) => {
    const newKey = settings.encryption.key;
    if (backend.objects === undefined || newKey === undefined) return body();
    // In another store, the right catalogue would stay closed to the new key.
    if ((await meta.writtenManifests()).length > 0) await identifyStore(context, backend, { keepsId: false });
    const rewrap = await rewrapCatalogueKey(backend.objects, { oldKey, newKey });
    const result = await body();
    await locks.confirm();
    await rewrap?.finish();
    return result;
  });
}
