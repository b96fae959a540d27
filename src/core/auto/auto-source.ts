import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';
import { parseRbdPlace, poolSpec, type RbdPlace } from '../../io/rbd/rbd-url.ts';

/** @throws BackyError if `source` names no RBD image, or a snapshot of one. */
export function parseAutoSource(source: string): RbdPlace {
  const { scheme, path } = parseIoUrl(source);
  const place = scheme === 'rbd' ? parseRbdPlace(path, source) : undefined;
  if (place !== undefined && place.snapshot === undefined) return place;
  throw new BackyError('usage', `--auto needs an RBD image without a snapshot, not ${source}.`, {
    hint: "Write rbd://pool/image, 'rbd://pool/*' for all images of the pool, or a pattern: 'rbd://pool/web-*'.",
  });
}

/** Whether the name of the image is a pattern: `*` stands for any letters, `?` for one. */
export function isPattern({ image }: Pick<RbdPlace, 'image'>): boolean {
  return /[*?]/.test(image);
}

/**
 * The images that match a pattern. An empty pool is no error, but a pattern without a match is
 * likely a typing error. @throws BackyError `notFound`.
 */
export function matchingImages(place: RbdPlace, images: readonly string[]): string[] {
  const pattern = patternOf(place);
  const found = images.filter((image) => pattern.test(image));
  if (found.length > 0 || place.image === '*') return found;
  throw new BackyError('notFound', `No image of ${poolSpec(place)} matches "${place.image}".`, {
    hint: `List the images with: rbd ls ${poolSpec(place)}`,
  });
}

/** Matches the names of images. */
export function patternOf({ image }: Pick<RbdPlace, 'image'>): RegExp {
  const literal = image.replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su');
}

/** Returns how versions are named. No two images of a pool may share a name. */
export function namingOf(name: string | undefined, place: RbdPlace): (image: string) => string {
  if (name === undefined) return (image) => image;
  if (!isPattern(place)) return () => name;
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
