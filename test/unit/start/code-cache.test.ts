import { expect, test } from 'vitest';
import { packCodeCache, sourceId, unpackCodeCache } from '../../../src/start/code-cache.ts';

const ID = '0123456789abcdef';
const DATA = Buffer.from('compiled code\nof two lines');

test('data is found again by who has the same source', () => {
  expect(unpackCodeCache(packCodeCache(DATA, ID), ID)).toEqual(DATA);
  expect(sourceId(`(function(){})\n// ${ID}`)).toBe(ID);
});

test('data of another source, V8 or processor is refused', () => {
  const file = packCodeCache(DATA, ID);
  expect(unpackCodeCache(file, 'fedcba9876543210')).toBeUndefined();
  for (const word of [process.versions.v8, process.arch]) {
    const foreign = Buffer.from(file.toString('latin1').replace(word, `${word}9`), 'latin1');
    expect(unpackCodeCache(foreign, ID)).toBeUndefined();
  }
});

test('a file with any bit changed, cut anywhere or empty is refused', () => {
  const file = packCodeCache(DATA, ID);
  for (let at = 0; at < file.length; at++) {
    const damaged = Buffer.from(file);
    damaged.writeUInt8(file.readUInt8(at) ^ (1 << (at % 8)), at);
    expect(unpackCodeCache(damaged, ID), `byte ${at}`).toBeUndefined();
    expect(unpackCodeCache(file.subarray(0, at), ID), `cut at ${at}`).toBeUndefined();
  }
});
