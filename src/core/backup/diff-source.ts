import { BackyError } from '../../errors.ts';
import { parseIoUrl } from '../../io/io-url.ts';
import { parseRbdPlace, type RbdPlace } from '../../io/rbd/rbd-url.ts';

/** @throws BackyError if `source` names no snapshot of an RBD image. */
export function snapshotOf(source: string): RbdPlace {
  const { scheme, path } = parseIoUrl(source);
  const place = scheme === 'rbd' ? parseRbdPlace(path, source) : undefined;
  if (place?.snapshot !== undefined) return place;
  throw new BackyError('usage', `--diff-from needs a snapshot as source, not ${source}.`, {
    hint: 'Back up rbd://pool/image@snapshot: the changes of an image in use are not reliable.',
  });
}
