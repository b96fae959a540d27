import { BackyError } from '../../errors.ts';
import { rangeBytes } from '../../model/block-range.ts';
import { backup } from '../backup/backup.ts';
import type { BackupResult } from '../backup/request.ts';
import type { Context } from '../context.ts';
import type { ImageView } from './image-view.ts';

/** What marks versions that were made so. */
const TAGS = ['nbd'];

/**
 * Makes a new version of what an image is now, as a backup would: blocks that were written are read, found or stored; all others are taken over
 * from the version, which stays as it is. Once begun it is not stopped by the first signal. On failure nothing is left of it.
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
      { ...context, signal: new AbortController().signal, onProgress: () => {} },
      {
        source: overlay.url,
        name: version.name,
        hints,
        baseUid: version.uid,
        tags: TAGS,
        onlyHinted: true,
        onVersion: (created) => {
          uid = created;
        },
      },
    );
  } catch (error) {
    if (uid !== undefined) await context.meta.removeVersion(uid, () => {}).catch(() => {});
    if (!(error instanceof BackyError)) throw error;
    throw new BackyError(error.code, `What was written to version ${version.uid} could not be saved: ${error.message}`, {
      hint: 'It is still there while this program runs. Put right what is in the way, then connect and disconnect once more.',
      cause: error,
    });
  }
}
