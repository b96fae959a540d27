import { RbdSession } from '../../io/rbd/rbd-session.ts';
import { poolSpec } from '../../io/rbd/rbd-url.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import { checkStore } from '../store/check-store.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { autoBackupImage } from './auto-image.ts';
import type { AutoOptions, AutoResult } from './auto-request.ts';
import { isPattern, matchingImages, namingOf, parseAutoSource } from './auto-source.ts';

/** Which images to back up with `--auto`. */
export interface AutoRequest extends AutoOptions {
  /** `rbd://pool/image`, or a pattern for images of a pool or namespace: `rbd://pool/web-*`. */
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
    const images = isPattern(place) ? matchingImages(place, await session.call('images', place)) : [place.image];
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
