import { BackyError } from '../../errors.ts';
import { newAborter } from '../../model/aborter.ts';
import { rangeBytes } from '../../model/block-range.ts';
import { backup } from '../backup/backup.ts';
import type { BackupResult } from '../backup/request.ts';
import type { Context } from '../context.ts';
import type { ImageView } from './image-view.ts';

/** Tags of versions that are made here. */
const TAGS = ['nbd'];

/**
 * Saves an image as a new version. It is a backup of the overlay: it stores the written blocks, and
 * takes all other blocks from the image's version. The first signal does not stop it. On failure
 * the new version is removed.
 */
export async function saveImage(context: Context, view: ImageView): Promise<BackupResult> {
  const { overlay, version, geometry } = view;
  if (overlay === undefined) throw new Error('nothing was written to this image');
  const hints = [...overlay.ranges()].map((range) => {
    const offset = range.first * geometry.blockSize;
    return { offset, length: rangeBytes(geometry, range), exists: true };
  });
  let uid: string | undefined;
  try {
    return await backup(
      { ...context, signal: newAborter().signal, onProgress: () => {} },
      {
        source: overlay.url,
        name: version.name,
        hints,
        baseUid: version.uid,
        tags: TAGS,
        onlyHinted: true,
        inThreads: true,
        onVersion: (created) => {
          uid = created;
        },
      },
    );
  } catch (error) {
    if (uid !== undefined) await context.meta.removeVersion(uid, () => {}).catch(() => {});
    if (!(error instanceof BackyError)) throw error;
    throw new BackyError(error.code, `Cannot save the writes to version ${version.uid}: ${error.message}`, {
      hint: 'The writes are kept while this program runs. Fix the cause, then connect and disconnect again.',
      cause: error,
    });
  }
}
