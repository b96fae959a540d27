import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError } from '../../errors.ts';
import { NoDatabaseError } from '../../meta/no-database.ts';
import type { Context } from '../context.ts';
import { compareIds } from './check-store.ts';
import { probeBlobs, SAMPLE_BLOBS } from './probe-blobs.ts';
import { labelOf } from './store-errors.ts';

/** Requests that show whether the data backend is the store of the database. */
export interface IdentityCheck {
  requests: number;
  /**
   * Makes one request; called in order. @throws BackyError `dataBackend` if the store is not right.
   */
  request(index: number): Promise<void>;
}

/**
 * Prepares to compare the ids and to look for a sample of the database's blobs. Changes nothing:
 * makes no database and no id. @returns undefined without a readable database, or with the null
 * backend.
 */
export async function prepareIdentity(context: Context, backend: DataBackend): Promise<IdentityCheck | undefined> {
  const { meta, data, random, signal } = context;
  if (data.backend.type === 'null' || !(await openAsItIs(context))) return undefined;
  const own = await meta.storeId();
  const sample = await meta.sampleBlobs({ limit: SAMPLE_BLOBS, random });
  let missing = 0;
  return {
    requests: 1 + sample.length,
    request: async (index) => {
      if (index === 0) return lookForId(context, backend, own);
      missing += (await probeBlobs(backend, sample.slice(index - 1, index), signal)).missing.length;
      if (index < sample.length || missing === 0) return;
      throw new BackyError(
        'dataBackend',
        `Of ${sample.length} blobs that the database names, ${missing} are missing in ${labelOf(data.backend)}.`,
        {
          hint: 'Is this the complete store of this database? If so, find the damaged versions with: backy2 scrub --all',
        },
      );
    },
  };
}

/** A missing id is no problem: the next command that finds the blobs makes it. */
async function lookForId({ data }: Context, backend: DataBackend, own: string | undefined): Promise<void> {
  compareIds(data, { own, ids: (await backend.storeIds('short')) ?? [] });
}

async function openAsItIs({ meta, logger }: Context): Promise<boolean> {
  try {
    await meta.open({ asItIs: true });
    return true;
  } catch (error) {
    if (!(error instanceof BackyError && error.code === 'database')) throw error;
    const said = `The database is not compared with the data backend: ${error.message}`;
    if (error instanceof NoDatabaseError) logger.debug(said);
    else logger.warning(said);
    return false;
  }
}
