import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BackyError, messageOf } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import { metaStoreFor } from '../../meta/open-store.ts';
import type { Context } from '../context.ts';

/** The default of `sqlite_cache_mb`. */
const CACHE_MB = 256;

/** A database that ends with the command. */
export interface TemporaryStore {
  meta: MetaStore;
  /** Closes and deletes it. */
  remove(): Promise<void>;
}

/**
 * Creates an empty database in `cachedir`, in the compact layout: about 110 bytes for each blob
 * that is imported into it.
 */
export async function temporaryStore({ logger, now, settings: { cacheDir, fileMode } }: Context): Promise<TemporaryStore> {
  const folder = makeFolder(cacheDir);
  const meta = await metaStoreFor({
    ...{ engine: `sqlite:///${join(folder, 'versions.sqlite')}`, cacheMb: CACHE_MB, cacheDir },
    ...{ fileMode, logger, now, createIfMissing: true },
  });
  const remove = async () => {
    await meta.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await meta.initialize('compact');
    await meta.open();
    return { meta, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function makeFolder(cacheDir: string): string {
  try {
    return mkdtempSync(join(cacheDir, 'backy2-from-store-'));
  } catch (cause) {
    throw new BackyError('io', `Cannot make a folder in ${cacheDir}: ${messageOf(cause)}`, {
      hint: 'Versions from the store need a temporary database. Check cachedir in section DEFAULTS, and the space there.',
      cause,
    });
  }
}
