import { describe, expect, it } from 'vitest';
import { parseIoUrl } from '../../../src/io/io-url.ts';
import { parseRbdPlace, rbdUrl } from '../../../src/io/rbd/rbd-url.ts';

describe('names of images', () => {
  it.each([
    ['p/i', { pool: 'p', namespace: '', image: 'i', snapshot: undefined }],
    ['p/n/i', { pool: 'p', namespace: 'n', image: 'i', snapshot: undefined }],
    ['p/n/i@s', { pool: 'p', namespace: 'n', image: 'i', snapshot: 's' }],
    ['p.q/vm-1.x@a:b c', { pool: 'p.q', namespace: '', image: 'vm-1.x', snapshot: 'a:b c' }],
  ])('%s', (path, place) => {
    expect(parseRbdPlace(path, `rbd://${path}`)).toEqual(place);
    expect(rbdUrl(place)).toBe(`rbd://${path}`);
  });

  it.each(['', 'p', 'p/', '/i', 'p//i', 'p/i@', 'p/a/b/c', 'p/i@a@b', 'p/i@a/b'])('not %j', (path) => {
    expect(() => parseIoUrl(`rbd://${path}`)).toThrow(`rbd://${path} names no image`);
  });
});
