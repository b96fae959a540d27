import fc from 'fast-check';
import { noise } from './random.ts';

/** A change of an image. Positions are shares of its length, from 0 to below 1. */
export type Edit =
  | { kind: 'write'; place: number; length: number; content: number }
  | { kind: 'zero'; place: number; length: number }
  | { kind: 'blocks'; place: number; count: number; content: number }
  | { kind: 'resize'; length: number };

const place = fc.double({ min: 0, max: 0.999, noNaN: true });

/**
 * Edits of an image of up to `maxBlocks` blocks. Few different contents, so that equal blocks
 * occur.
 */
export function edit(blockSize: number, maxBlocks: number): fc.Arbitrary<Edit> {
  return fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      place,
      length: fc.integer({ min: 1, max: 3 * blockSize }),
      content: fc.nat({ max: 1e6 }),
    }),
    fc.record({ kind: fc.constant('zero' as const), place, length: fc.integer({ min: 1, max: 5 * blockSize }) }),
    fc.record({
      kind: fc.constant('blocks' as const),
      place,
      count: fc.integer({ min: 1, max: 4 }),
      content: fc.nat({ max: 5 }),
    }),
    fc.record({ kind: fc.constant('resize' as const), length: fc.nat({ max: maxBlocks * blockSize }) }),
  );
}

/** A copy of the image with an edit applied. */
export function edited(image: Buffer, change: Edit, blockSize: number): Buffer {
  if (change.kind === 'resize') {
    const next = Buffer.alloc(change.length);
    image.copy(next);
    return next;
  }
  const next = Buffer.from(image);
  const at = Math.floor(change.place * next.length);
  if (change.kind === 'write') noise(change.length, `write ${change.content}`).copy(next, at);
  if (change.kind === 'zero') next.fill(0, at, Math.min(next.length, at + change.length));
  if (change.kind === 'blocks') {
    const first = at - (at % blockSize);
    for (let n = 0; n < change.count; n++) noise(blockSize, `block ${change.content + n}`).copy(next, first + n * blockSize);
  }
  return next;
}
