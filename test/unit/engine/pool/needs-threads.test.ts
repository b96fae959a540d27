import { expect, test } from 'vitest';
import { needsThreads } from '../../../../src/engine/pool/needs-threads.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

test.each([
  { blocks: 0, blockSize: 4 * MIB, expected: false },
  { blocks: 10, blockSize: 64 * KIB, expected: false },
  { blocks: 8, blockSize: 4 * MIB, expected: false },
  { blocks: 9, blockSize: 4 * MIB, expected: true },
  { blocks: 1, blockSize: 64 * MIB, expected: true },
  { blocks: 256, blockSize: 4 * KIB, expected: false },
  { blocks: 257, blockSize: 4 * KIB, expected: true },
  { blocks: 1, blockSize: 4 * MIB, compressionLevel: 3, expected: false },
  { blocks: 1, blockSize: 4 * MIB, compressionLevel: 4, expected: true },
])('$blocks blocks of $blockSize bytes at level $compressionLevel need threads: $expected', ({ expected, ...work }) => {
  expect(needsThreads({ compressionLevel: undefined, ...work })).toBe(expected);
});
