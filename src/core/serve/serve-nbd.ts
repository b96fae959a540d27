import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { BackyError, messageOf } from '../../errors.ts';
import type { BackupCounters } from '../../model/counters.ts';
import { blockCount } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { ListenAddress } from '../../nbd/listen-address.ts';
import { listenNbd, type NbdServer } from '../../nbd/server.ts';
import { proveKeyForWriting } from '../blocks/encryption-key.ts';
import type { Context } from '../context.ts';
import type { ImageView } from './image-view.ts';
import { VersionExports } from './nbd-exports.ts';
import { OpenImages } from './open-images.ts';
import { saveImage } from './save-image.ts';
import { waitForStop } from './wait-for-stop.ts';

/** Which versions to serve, and where. */
export interface ServeNbdRequest {
  /** Default: a unix socket in `socketFolder`. */
  address?: ListenAddress | undefined;
  /** Folder of the default socket. Default: `cachedir`. */
  socketFolder?: string | undefined;
  /** Export only this version, by its uid or name. */
  only?: string | undefined;
  readOnly: boolean;
  /** If it is given, clients must use TLS. */
  tls?: TlsOptions | undefined;
  /** Save writes as a new version when the last client has disconnected. */
  save: boolean;
  /** Called with the URI once clients can connect. */
  onListening?: ((uri: string) => void) | undefined;
  onSaved?: ((saved: SavedImage) => void) | undefined;
}

/** A version that was made from clients' writes. */
interface SavedImage extends BackupCounters {
  uid: string;
  baseUid: string;
  name: string;
  tags: string[];
}

/** Outcome of a server. */
export interface ServeNbdResult {
  uri: string;
  saved: SavedImage[];
}

/**
 * Serves versions over NBD until the context's signal. Writes that were not saved are discarded
 * then; with `save` that is an error.
 */
export async function serveNbd(context: Context, request: ServeNbdRequest): Promise<ServeNbdResult> {
  // A failed save can't be repeated once the config is mended: a restart discards the writes.
  if (request.save) await proveKeyForWriting(context);
  const stop = waitForStop(context.signal);
  const images = await OpenImages.create(context, stop.fail);
  try {
    const saved: SavedImage[] = [];
    const exports = openExports(context, request, { images, saved });
    const { only } = request;
    if (only !== undefined && (await exports.find(only)) === undefined) throw nothingToServe(only);
    const server = await listen(context, request, exports);
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

/** Where exports get their images, and where saved versions are added. */
interface Served {
  images: OpenImages;
  saved: SavedImage[];
}

function openExports(context: Context, request: ServeNbdRequest, { images, saved }: Served): VersionExports {
  const { only, readOnly } = request;
  const { blockSize } = context.settings;
  const save = async (view: ImageView) => {
    const image = await saveView(context, view);
    saved.push(image);
    request.onSaved?.(image);
  };
  return new VersionExports({
    context,
    images,
    only,
    readOnly,
    onWritten: request.save ? save : undefined,
    whyReadOnly: (version) => (request.save ? whyNotSaved(version, blockSize) : undefined),
  });
}

async function saveView(context: Context, view: ImageView): Promise<SavedImage> {
  const { uid, name, tags, counters } = await saveImage(context, view);
  const baseUid = view.version.uid;
  context.logger.info(`New version: ${uid} (Tags: [${tags.join(',')}]), saved from writes to ${baseUid}.`);
  return { uid, baseUid, name, tags, ...counters };
}

async function listen(context: Context, request: ServeNbdRequest, exports: VersionExports): Promise<NbdServer> {
  const { logger, settings } = context;
  const folder = request.socketFolder ?? settings.cacheDir;
  const address = request.address ?? { path: join(folder, 'backy2-nbd.sock') };
  const server = await listenNbd(address, { exports, logger, tls: request.tls });
  logger.info(`Serving ${request.only ?? 'all versions'} on ${server.uri}`);
  request.onListening?.(server.uri);
  return server;
}

/** Why a backup can't use this version as its base. */
function whyNotSaved({ valid, size, sizeBytes }: TaggedVersion, blockSize: number): string | undefined {
  if (!valid) return 'it is invalid, so writes to it could not be saved';
  if (blockCount({ blockSize, sizeBytes }) !== size) return 'it has another block size, so writes to it could not be saved';
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
  throw new BackyError('failed', `Writes to ${views.map(({ version }) => version.uid).join(', ')} were not saved.${why}`, {
    hint:
      failed === undefined
        ? 'Writes are saved when the last client disconnects properly, or has flushed them before it disconnects.'
        : 'Fix the cause of the failure, restart, and write again.',
  });
}
