import type { DataBackendOptions } from '../../data/options.ts';
import { BackyError } from '../../errors.ts';

type BackendOptions = DataBackendOptions['backend'];

/** Blobs that were looked for. */
interface Missing {
  probed: number;
  missing: number;
  /** Whether the command takes `--accept-damage`, so that the hint may name it. */
  canAccept: boolean;
}

/** The data backend's name in messages. */
export function labelOf(backend: BackendOptions): string {
  switch (backend.type) {
    case 'file':
      return backend.path;
    case 's3':
      return `bucket "${backend.bucket}" at ${backend.endpoint ?? `Amazon S3 (${backend.region})`}`;
    case 'null':
      return 'null';
  }
}

const WHERE_TO_LOOK = 'Is its file system mounted? Check path or bucket_name in section DataBackend.';

/** The data backend belongs to another database. */
export function wrongStore(backend: BackendOptions, { own, ids }: { own: string; ids: readonly string[] }): BackyError {
  return new BackyError(
    'wrongStore',
    `The data backend ${labelOf(backend)} is store ${ids.join(' and ')}, but the database belongs to store ${own}. Nothing was changed.`,
    { hint: `Does this config file name the database and the data backend of the same installation? ${WHERE_TO_LOOK}` },
  );
}

/** The data backend has no store id, and blobs that the database names are not there. */
export function unknownStore(backend: BackendOptions, { probed, missing, canAccept }: Missing): BackyError {
  return new BackyError(
    'wrongStore',
    `The data backend ${labelOf(backend)} is not the store that the database belongs to: of ${probed} blobs that were looked for, ${missing} are missing. Nothing was changed.`,
    { hint: `${WHERE_TO_LOOK} ${ifLost(canAccept)}` },
  );
}

/** The store is right, but too many of its blobs are missing. */
export function massDamage(backend: BackendOptions, { probed, missing, canAccept }: Missing): BackyError {
  return new BackyError(
    'massDamage',
    `Of ${probed} blobs that were looked for in ${labelOf(backend)}, ${missing} are missing. That is more than damage to single blobs.`,
    { hint: `Was a part of the store moved or deleted? Bring it back. ${ifLost(canAccept)}` },
  );
}

/** The store was the right one when the command began. */
export function lostStore(backend: BackendOptions, { own, ids }: { own: string; ids: readonly string[] }): BackyError {
  const now = ids.length > 0 ? `is store ${ids.join(' and ')} now` : 'has no store id any more';
  return new BackyError('wrongStore', `The data backend ${labelOf(backend)} ${now}, and was store ${own} before.`, {
    hint: `Was its file system unmounted or replaced meanwhile? ${WHERE_TO_LOOK}`,
  });
}

function ifLost(canAccept: boolean): string {
  const next = canAccept ? 'run the command again with --accept-damage' : 'run first: backy2 scrub --all --accept-damage';
  return `If these blobs are lost for good, ${next}.`;
}
