import type { DataBackend } from '../../data/data-backend.ts';
import { LOCK_NAMES } from '../../locking/lock.ts';
import type { UnusedRequest } from '../../meta/cleanup-store.ts';
import { NoRoomError } from '../../meta/no-room.ts';
import type { Context } from '../context.ts';
import { holding, tryWithoutInodes } from '../versions/locks.ts';
import type { BlobDeletion } from './blob-deletion.ts';

/** Which candidates may be deleted, and from where. */
export interface RoomRequest extends UnusedRequest {
  backend: DataBackend;
  deletion: BlobDeletion;
}

/**
 * Runs `body`, which deletes blobs. If the disk is full, so that the database can't doom any, some
 * are deleted under the write lock of the database instead, and `body` runs again: blobs and
 * database may share the disk. After a crash in between, these blobs are still candidates.
 */
export async function makingRoom<T>(
  { meta, locks, logger }: Context,
  { backend, deletion, ...candidates }: RoomRequest,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    // An import may have seen one of these blobs, and name it later.
    const imports = await tryWithoutInodes(locks, LOCK_NAMES.imports);
    if (imports === undefined) throw error;
    let deleted: readonly string[] = [];
    await holding([async () => imports], () =>
      meta.withUnusedCandidates(candidates, async (unused) => {
        const uids = unused.filter((uid) => !deletion.isKept(uid));
        if (uids.length === 0) return;
        await locks.confirm();
        deleted = (await backend.delete(uids)).deleted;
      }),
    );
    if (deleted.length === 0) throw error;
    logger.info(`The disk of the database is full. Deleted ${deleted.length} blobs to make room for its journal.`);
    return body();
  }
}
