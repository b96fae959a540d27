import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';
import { RbdSession } from '../../io/rbd/rbd-session.ts';
import { parseRbdPlace, poolSpec, type RbdPlace } from '../../io/rbd/rbd-url.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { type AutoOptions, type AutoResult, autoBackupImage } from './auto-image.ts';

/** What to back up by itself. */
export interface AutoRequest extends AutoOptions {
  /** `rbd://pool/image`, or `rbd://pool/*` for all images of a pool or namespace. */
  source: string;
  /** Undefined: each image's own. For several images it needs `{image}` in it; `{pool}` and `{namespace}` may be, too. */
  name: string | undefined;
  /** Told which image's turn it is. */
  onImage?: ((url: string) => void) | undefined;
  /** Told of each result. */
  onResult?: ((result: AutoResult) => void) | undefined;
}

/** Backs images up, one after the other: a failure of one does not keep the others from it. @returns a result for each. */
export async function autoBackup(context: Context, request: AutoRequest): Promise<AutoResult[]> {
  const place = imageIn(request.source);
  const nameOf = naming(request.name, place);
  await checkInstallationFree(context.locks);
  // Before any snapshot is removed.
  if (!request.dryRun) await checkStore(context, request);
  const session = await RbdSession.open(context.io.rbd, context);
  return withShared(context, session, async (inner) => {
    const images = place.image === '*' ? await session.call('images', place) : [place.image];
    if (images.length === 0) context.logger.warning(`There are no images in ${poolSpec(place)}.`);
    const results: AutoResult[] = [];
    for (const image of images) {
      const one = { ...place, image };
      request.onImage?.(`rbd://${poolSpec(one)}/${image}`);
      const result = await autoBackupImage(inner, session, { place: one, name: nameOf(image), options: request });
      results.push(result);
      request.onResult?.(result);
    }
    return results;
  });
}

/** @throws BackyError if `source` names no RBD image, or a snapshot of one. */
export function imageIn(source: string): RbdPlace {
  const { scheme, path } = parseIoUrl(source);
  const place = scheme === 'rbd' ? parseRbdPlace(path, source) : undefined;
  if (place !== undefined && place.snapshot === undefined) return place;
  throw new BackyError('usage', `--auto makes the snapshots itself, and needs an RBD image, not ${source}.`, {
    hint: 'Write rbd://pool/image, or rbd://pool/* for all images of the pool.',
  });
}

/** How versions are named: no two images of a pool may share a name. */
export function naming(name: string | undefined, place: RbdPlace): (image: string) => string {
  if (name === undefined) return (image) => image;
  if (place.image !== '*') return () => name;
  if (!name.includes('{image}')) {
    throw new BackyError('usage', `The name "${name}" would be that of every image.`, {
      hint: 'Put {image} into it, as in {pool}-{image}, or leave it out.',
    });
  }
  const fields = { pool: place.pool, namespace: place.namespace };
  // In one pass: names may have braces in them.
  return (image) =>
    name.replaceAll(/\{(pool|namespace|image)\}/g, (_, field: 'pool' | 'namespace' | 'image') => ({ ...fields, image })[field]);
}
