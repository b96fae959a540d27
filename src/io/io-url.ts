import { BackyError } from '../errors.ts';
import { parseRbdPlace } from './rbd/rbd-url.ts';

/** The parts of a source or target as named on the command line. */
interface IoUrl {
  scheme: 'file' | 'rbd' | 'null';
  /** The text behind `scheme://`. */
  path: string;
  /** The whole text, for messages. */
  text: string;
}

/**
 * Kinds of sources and targets: the text before and behind `://`, and a description of each use.
 */
export const SCHEMES = {
  file: { follows: 'PATH', source: 'a file or device', target: 'a file or device' },
  rbd: { follows: 'POOL/IMAGE', source: 'a Ceph RBD image or snapshot', target: 'a Ceph RBD image' },
  null: { follows: 'SIZE', source: 'made-up data, for tests', target: 'nowhere, for tests' },
} as const;

const KNOWN = Object.entries(SCHEMES)
  .map(([scheme, { follows }]) => `${scheme}://${follows}`)
  .join(', ');

/**
 * Parses `file:///dev/vg/lv`, `file://relative/path`, `rbd://pool/image@snapshot` or
 * `null://200GB`. The error for any other text lists these.
 */
export function parseIoUrl(text: string): IoUrl {
  const match = /^([a-z0-9+.-]+):\/\/(.*)$/s.exec(text);
  if (match === null) {
    throw new BackyError('io', `Invalid URL "${text}": it must start with its type, e.g. file://`, {
      hint: `Known: ${KNOWN}.`,
    });
  }
  const [, scheme = '', path = ''] = match;
  if (scheme === 'file') {
    if (path === '')
      throw new BackyError('io', `Not a valid name: ${text} needs a path, e.g. file:///somepath/file`, {
        hint: 'An absolute path makes three slashes.',
      });
    return { scheme, path, text };
  }
  // A wrong image name is an error at once.
  if (scheme === 'rbd') parseRbdPlace(path, text);
  if (scheme === 'null' || scheme === 'rbd') return { scheme, path, text };
  throw new BackyError('io', `Unknown type of source or target in "${text}".`, { hint: `Known: ${KNOWN}.` });
}
