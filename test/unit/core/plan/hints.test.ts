import { describe, expect, it } from 'vitest';
import { checkHints, parseHints, throughParent } from '../../../../src/core/plan/hints.ts';

describe('parseHints', () => {
  it('reads one array over many lines, and both spellings of exists', () => {
    const hints = parseHints('[\n{"offset":0,"length":10,"exists":"true"},\n {"offset":10,"length":5,"exists":"false"}]\n', 'f');
    expect(hints.map((hint) => hint.exists)).toEqual([true, false]);
  });

  it.each([
    [false, false],
    ['false', false],
    [true, true],
    ['true', true],
  ])('takes exists %j as %j', (exists, expected) => {
    expect(parseHints(JSON.stringify([{ offset: 0, length: 1, exists }]), 'f')[0]?.exists).toBe(expected);
  });

  it.each([
    ['', /not JSON/],
    ['{}', /does not hold a JSON array/],
    ['[1]', /entry 1 is not an object/],
    ['[{"offset":0,"length":1,"exists":true},[]]', /entry 2 is not an object/],
    ['[{"length":1,"exists":true}]', /"offset" of f, entry 1/],
    ['[{"offset":0,"length":-1,"exists":true}]', /"length" of f, entry 1/],
    ['[{"offset":0.5,"length":1,"exists":true}]', /"offset" of f, entry 1/],
    ['[{"offset":0,"length":1}]', /entry 1 has no "exists"/],
    ...['0', '1', '""', 'null', '"no"', '"False"', '[]'].map((exists): [string, RegExp] => [
      `[{"offset":0,"length":1,"exists":true},{"offset":1,"length":1,"exists":${exists}}]`,
      /^"exists" of f, entry 2 is .*, neither true nor false\.$/,
    ]),
  ])('refuses %s and says why', (text, message) => {
    expect(() => parseHints(text, 'f')).toThrow(message);
  });
});

describe('checkHints', () => {
  it('refuses a stretch that ends one byte past the source, and takes one that ends with it', () => {
    expect(() => checkHints([{ offset: 90, length: 11, exists: false }], 100)).toThrow(/higher offsets than source/);
    expect(() => checkHints([{ offset: 90, length: 10, exists: true }], 100)).not.toThrow();
  });
});

describe('hints for a clone', () => {
  const hole = (offset: number) => ({ offset, length: 10, exists: false });

  it('have no holes where its parent may have data', () => {
    expect(throughParent([hole(0), hole(95), hole(100)], { parentBytes: 100, hasBase: true })).toEqual([
      { ...hole(0), exists: true },
      { ...hole(95), exists: true },
      hole(100),
    ]);
  });

  it('name all that its parent may have where there is no base', () => {
    expect(throughParent([], { parentBytes: 100, hasBase: false })).toEqual([{ offset: 0, length: 100, exists: true }]);
  });

  it('stay as they are without a parent', () => {
    expect(throughParent([hole(0)], { parentBytes: 0, hasBase: false })).toEqual([hole(0)]);
  });
});
