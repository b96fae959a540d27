import { BackyError } from '../../errors.ts';

/** The place of an image or snapshot. */
export interface RbdPlace {
  pool: string;
  /** Empty: the default namespace of the pool. */
  namespace: string;
  /** May be a pattern with `*` and `?`, where the caller allows that. */
  image: string;
  /** Undefined: the image itself. */
  snapshot: string | undefined;
}

/**
 * Parses `pool/image` or `pool/namespace/image`, each with or without `@snapshot`. `url` is the
 * whole text, for messages.
 */
export function parseRbdPlace(path: string, url: string): RbdPlace {
  const at = path.indexOf('@');
  const parts = (at < 0 ? path : path.slice(0, at)).split('/');
  const snapshot = at < 0 ? undefined : path.slice(at + 1);
  const [pool = '', image = ''] = [parts[0], parts.at(-1)];
  const isWhole = parts.length >= 2 && parts.length <= 3 && !parts.includes('');
  if (isWhole && snapshot !== '' && snapshot?.includes('/') !== true && snapshot?.includes('@') !== true) {
    return { pool, namespace: parts.length === 3 ? (parts[1] ?? '') : '', image, snapshot };
  }
  throw new BackyError('io', `Not a valid name: ${url} names no image.`, {
    hint: 'Write rbd://pool/image, rbd://pool/image@snapshot or rbd://pool/namespace/image.',
  });
}

/** The name of an image, or of one of its snapshots, as the rbd command writes it. */
export function rbdSpec({ pool, namespace, image, snapshot }: RbdPlace): string {
  return `${poolSpec({ pool, namespace })}/${image}${snapshot === undefined ? '' : `@${snapshot}`}`;
}

/** The name of a pool or of a namespace in it. */
export function poolSpec({ pool, namespace }: Pick<RbdPlace, 'pool' | 'namespace'>): string {
  return namespace === '' ? pool : `${pool}/${namespace}`;
}

/** The URL of an image or snapshot. */
export function rbdUrl(place: RbdPlace): string {
  return `rbd://${rbdSpec(place)}`;
}
