import { expect, it } from 'vitest';
import { binaryArray } from '../../../src/meta/postgresql/binary-array.ts';

/** Fields of `array_recv`: dimensions, whether it has NULL, type, count, first index; values. */
it.each([
  [
    'number',
    [1, -1, 2 ** 40 + 5, null],
    '00000001 00000001 00000014 00000004 00000001 00000008 0000000000000001 00000008 ffffffffffffffff 00000008 0000010000000005 ffffffff',
  ],
  ['text', ['a', 'ä€', ''], '00000001 00000000 00000019 00000003 00000001 00000001 61 00000005 c3a4e282ac 00000000'],
  [
    'bytes',
    [Buffer.from('00ff', 'hex'), null, Buffer.alloc(0)],
    '00000001 00000001 00000011 00000003 00000001 00000002 00ff ffffffff 00000000',
  ],
] as const)('an array of type %s has the binary form of the server', (type, values, bytes) => {
  expect(binaryArray(type, values).toString('hex')).toBe(bytes.replaceAll(' ', ''));
});
