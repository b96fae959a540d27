import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';
import { parseRbdPlace, type RbdPlace } from '../../io/rbd/rbd-url.ts';

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
