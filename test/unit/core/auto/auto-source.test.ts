import { describe, expect, it } from 'vitest';
import { isPattern, matchingImages, namingOf, parseAutoSource } from '../../../../src/core/auto/auto-source.ts';

const IMAGES = ['db', 'd1', 'd2', 'web-1', 'web-12', 'a.b', 'axb', '(x)', 'ü1', 'new\nline'];
const matched = (image: string) => matchingImages(parseAutoSource(`rbd://vms/${image}`), IMAGES);

describe('a pattern of images', () => {
  it.each([
    ['*', IMAGES],
    ['d*', ['db', 'd1', 'd2']],
    ['d?', ['db', 'd1', 'd2']],
    ['web-?', ['web-1']],
    ['*1*', ['d1', 'web-1', 'web-12', 'ü1']],
    ['a.?', ['a.b']],
    ['(*)', ['(x)']],
    ['?1', ['d1', 'ü1']],
    ['new*', ['new\nline']],
  ])('%s matches as in a shell: %j', (image, expected) => {
    expect(isPattern({ image })).toBe(true);
    expect(matched(image)).toEqual(expected);
  });

  it('without a match is an error, but an empty pool is none', () => {
    const hint = 'List the images with: rbd ls vms';
    const error = { code: 'notFound', message: 'No image of vms matches "D*".', hint };
    expect(() => matched('D*')).toThrow(expect.objectContaining(error));
    expect(matchingImages(parseAutoSource('rbd://vms/*'), [])).toEqual([]);
  });

  it('needs {image} in the name, and a plain name does not', () => {
    const [some, one] = [parseAutoSource('rbd://vms/ns/d*'), parseAutoSource('rbd://vms/d1')];
    expect(() => namingOf('vm', some)).toThrow('The name "vm" would be the same for all images.');
    expect(namingOf('{pool}-{namespace}-{image}', some)('d1')).toBe('vms-ns-d1');
    expect(isPattern(one)).toBe(false);
    expect(namingOf('vm', one)('d1')).toBe('vm');
  });
});
