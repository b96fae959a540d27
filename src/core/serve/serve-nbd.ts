import { join } from 'node:path';
import { BackyError, messageOf } from '../../errors.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { blockCount } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { type ListenAddress, listenNbd } from '../../nbd/server.ts';
import type { Context } from '../context.ts';
import type { ImageView } from './image-view.ts';
import { VersionExports } from './nbd-exports.ts';
import { OpenImages } from './open-images.ts';
import { saveImage } from './save-image.ts';
import { waitForStop } from './wait-for-stop.ts';

/** What to serve, and where. */
export interface ServeNbdRequest {
  /** A unix socket in `socketFolder` when absent. */
  address?: ListenAddress | undefined;
  /** Where the socket is when nobody named one; `cachedir` when absent. */
  socketFolder?: string | undefined;
  /** Offer this version alone, by its uid or name. */
  only?: string | undefined;
  readOnly: boolean;
  /** Make a new version of what was written once its last client has said goodbye. */
  save: boolean;
  /** Told where, once clients may come. */
  onListening?: ((uri: string) => void) | undefined;
  onSaved?: ((saved: SavedImage) => void) | undefined;
}

/** A version that was made of what clients wrote. */
export interface SavedImage extends BackupCounters {
  uid: string;
  baseUid: string;
  name: string;
  tags: string[];
}

/** What a server did, in the end. */
export interface ServeNbdResult {
  uri: string;
  saved: SavedImage[];
}

/** Serves versions over NBD until a signal comes. What was written and is not saved is gone then, which is an error with `save`. */
export async function serveNbd(context: Context, request: ServeNbdRequest): Promise<ServeNbdResult> {
  const { logger, settings } = context;
  const stop = waitForStop(context.signal);
  const images = await OpenImages.create(context, stop.fail);
  try {
    const saved: SavedImage[] = [];
    const save = async (view: ImageView) => {
      const { uid, name, tags, counters } = await saveImage(context, view);
      const image = { uid, baseUid: view.version.uid, name, tags, ...counters };
      saved.push(image);
      logger.info(`New version: ${uid} (Tags: [${tags.join(',')}]), made of what was written to ${view.version.uid}.`);
      request.onSaved?.(image);
    };
    const exports = new VersionExports({
      context,
      images,
      only: request.only,
      readOnly: request.readOnly,
      onWritten: request.save ? save : undefined,
      whyReadOnly: (version) => (request.save ? whyNotSaved(version, settings.blockSize) : undefined),
    });
    if (request.only !== undefined && (await exports.find(request.only)) === undefined) throw nothingToServe(request.only);
    const folder = request.socketFolder ?? settings.cacheDir;
    const server = await listenNbd(request.address ?? { path: join(folder, 'backy2-nbd.sock') }, exports, logger);
    logger.info(`Serving ${request.only ?? 'all versions'} on ${server.uri}`);
    request.onListening?.(server.uri);
    try {
      await stop.stopped;
    } finally {
      await server.close();
    }
    if (request.save) refuseUnsaved(await images.written());
    return { uri: server.uri, saved };
  } finally {
    await images.close();
  }
}

/** What a backup could not be based on. */
function whyNotSaved({ valid, size, sizeBytes }: TaggedVersion, blockSize: number): string | undefined {
  if (!valid) return 'it is invalid, so that what is written to it could not be saved';
  if (blockCount({ blockSize, sizeBytes }) !== size)
    return 'it has another block size, so that what is written to it could not be saved';
  return undefined;
}

function nothingToServe(only: string): BackyError {
  return new BackyError('notFound', `There is no version ${only}, and no valid version of that name.`, {
    hint: 'List the versions with: backy2 ls',
  });
}

function refuseUnsaved(views: readonly ImageView[]): void {
  if (views.length === 0) return;
  const failed = views.find(({ failure }) => failure !== undefined);
  const why = failed === undefined ? '' : ` A write to ${failed.version.uid} failed: ${messageOf(failed.failure)}`;
  throw new BackyError(
    'failed',
    `What was written to ${views.map(({ version }) => version.uid).join(', ')} was not saved.${why}`,
    {
      hint:
        failed === undefined
          ? 'It is saved when the last client has said goodbye, or has flushed what it wrote before it went.'
          : 'Fix what made it fail, restart, and write it again.',
    },
  );
}
