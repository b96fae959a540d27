import { type Catalogue, openCatalogue } from '../../data/catalogue/catalogue.ts';
import type { DataBackend } from '../../data/data-backend.ts';
import { BackyError, messageOf } from '../../errors.ts';
import { proveKeyForReadingAll } from '../blocks/encryption-key.ts';
import type { Context } from '../context.ts';
import { withStorage } from '../store/storage.ts';
import { withFolder } from './folder-lock.ts';
import { recoverySourceOf } from './recovery-key.ts';

/** A catalogue and its data backend, open. */
export interface OpenedCatalogue {
  catalogue: Catalogue;
  backend: DataBackend;
}

/** Runs `body` with the data backend and its catalogue, and closes the backend. */
export function withCatalogue<T>(
  context: Pick<Context, 'data' | 'logger' | 'settings'>,
  body: (opened: OpenedCatalogue) => Promise<T>,
): Promise<T> {
  return withStorage(context, async (backend) => {
    const catalogue = await catalogueOf(context, backend);
    const result = await body({ catalogue, backend });
    warnOfRecoveryKey(context, catalogue);
    return result;
  });
}

/** Opens the catalogue of a data backend. Changes nothing. */
export function catalogueOf(context: Pick<Context, 'logger' | 'settings'>, { objects }: DataBackend): Promise<Catalogue> {
  if (objects === undefined) throw new BackyError('refused', 'The data backend "null" keeps nothing, and has no catalogue.');
  const { key: masterKey } = context.settings.encryption;
  return openCatalogue(objects, { masterKey, recovery: recoverySourceOf(context) });
}

/**
 * Makes sure that the catalogue has a key, if it is encrypted. MUST precede the first write: two
 * commands at once would make two keys.
 * @throws BackyError `encryption` if its key, or that of the blocks, is not this one.
 */
export async function prepareKey(context: Context, catalogue: Catalogue): Promise<void> {
  if (!catalogue.isSealed) return;
  // In the middle of a rekey, both keys open the catalogue, but only one the keys of blocks.
  await proveKeyForReadingAll(context);
  await withFolder(context, 'keys', () => catalogue.prepare());
  if (catalogue.hasNewKey) context.logger.info(NEW_KEY);
}

const NEW_KEY = 'The store has its first encrypted backup. Make a recovery sheet, and keep it elsewhere: backy2 recovery-sheet';

/** A command must not fail because the file of the other key is kept elsewhere. */
export function warnOfRecoveryKey({ logger }: Pick<Context, 'logger'>, { recoveryProblem }: Catalogue): void {
  if (recoveryProblem === undefined) return;
  logger.warning(
    `${messageOf(recoveryProblem)} The catalogue can't be opened with the recovery key until a command can read it.`,
  );
}
