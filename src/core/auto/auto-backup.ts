import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';
import { RbdSession } from '../../io/rbd/rbd-session.ts';
import { parseRbdPlace, poolSpec, type RbdPlace } from '../../io/rbd/rbd-url.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { autoBackupImage } from './auto-image.ts';
import type { AutoOptions, AutoResult } from './auto-request.ts';

/** Which images to back up with `--auto`. */
export interface AutoRequest extends AutoOptions {
  /** `rbd://pool/image`, or `rbd://pool/*` for all images of a pool or namespace. */
  source: string;
  /**
   * Default: the image's name. For several images it MUST contain `{image}`; it MAY contain
   * `{pool}` and `{namespace}`.
   */
  name: string | undefined;
  /** Called with the URL of each image before its backup. */
  onImage?: ((url: string) => void) | undefined;
  onResult?: ((result: AutoResult) => void) | undefined;
}

/**
 * Backs images up one after the other, and continues after a failure of one.
 * @returns a result for each image.
 */
export async function autoBackup(context: Context, request: AutoRequest): Promise<AutoResult[]> {
  const place = parseAutoSource(request.source);
  const nameOf = namingOf(request.name, place);
  await checkInstallationFree(context.locks);
  // A wrong store MUST be found before any snapshot is removed.
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
export function parseAutoSource(source: string): RbdPlace {
  const { scheme, path } = parseIoUrl(source);
  const place = scheme === 'rbd' ? parseRbdPlace(path, source) : undefined;
  if (place !== undefined && place.snapshot === undefined) return place;
  throw new BackyError('usage', `--auto needs an RBD image without a snapshot, not ${source}.`, {
    hint: 'Write rbd://pool/image, or rbd://pool/* for all images of the pool.',
  });
}

/** Returns how versions are named. No two images of a pool may share a name. */
export function namingOf(name: string | undefined, place: RbdPlace): (image: string) => string {
  if (name === undefined) return (image) => image;
  if (place.image !== '*') return () => name;
  if (!name.includes('{image}')) {
    throw new BackyError('usage', `The name "${name}" would be the same for all images.`, {
      hint: 'Add {image}, such as {pool}-{image}, or omit the name.',
    });
  }
  const fields = { pool: place.pool, namespace: place.namespace };
  // In one pass, since names may contain braces.
  return (image) =>
    name.replaceAll(/\{(pool|namespace|image)\}/g, (_, field: 'pool' | 'namespace' | 'image') => ({ ...fields, image })[field]);
}
