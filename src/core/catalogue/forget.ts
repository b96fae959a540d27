import { BackyError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { identifyStore } from '../store/check-store.ts';
import { holding, lockForOperation, lockVersion } from '../versions/locks.ts';
import { withFolder } from './folder-lock.ts';
import { folderOf } from './manifest-rows.ts';
import { withCatalogue } from './with-catalogue.ts';

/** The outcome of {@link forgetManifest}. */
export interface ForgottenManifest {
  uid: string;
  /** Null if its head is damaged. */
  name: string | null;
}

/**
 * Deletes the manifest of a version that the database lacks. A cleanup then deletes its blobs.
 * @throws BackyError `refused` if the database has the version, `notFound`.
 */
export function forgetManifest(context: Context, uid: string): Promise<ForgottenManifest> {
  const { meta, locks, signal, now } = context;
  return holding([() => lockForOperation(locks), () => lockVersion(locks, uid, 'exclusive')], async () => {
    if ((await meta.findVersion(uid)) !== undefined) {
      throw new BackyError('refused', `The database has version ${uid}. Nothing was deleted.`, {
        data: { uid },
        hint: `Remove the version: backy2 rm ${uid}`,
      });
    }
    return withCatalogue(context, async ({ catalogue, backend }) => {
      await identifyStore(context, backend, { keepsId: false });
      if (!(await catalogue.versionUids()).includes(uid))
        throw new BackyError('notFound', `The catalogue has no version ${uid}.`, { data: { uid } });
      // A damaged head can be forgotten too. Its leaves stay until "cleanup --full".
      const head = await catalogue.readHead(uid, signal).catch((error: unknown) => {
        if (error instanceof BackyError && ['catalogueDamaged', 'encryption'].includes(error.code)) return undefined;
        throw error;
      });
      // From here on, no cleanup keeps its blobs.
      await catalogue.markRemoved(uid, Math.floor(now().getTime() / 1000));
      if (head !== undefined) {
        const folder = folderOf(head);
        await withFolder(context, folder, async () => {
          await catalogue.deleteManifest(uid, folder);
          await catalogue.collect(folder);
        });
      } else await catalogue.deleteManifest(uid, '');
      await meta.forgetManifests([uid]);
      return { uid, name: head?.version.name ?? null };
    });
  });
}
