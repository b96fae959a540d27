import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bitmap } from '../../../src/model/bitmap.ts';

const SIZE = 200;
const range = fc.tuple(fc.nat(SIZE + 20), fc.nat(SIZE + 20)).map(([a, b]) => ({ first: Math.min(a, b), end: Math.max(a, b) }));
const change = fc.record({ range, adds: fc.boolean() });

function build(
  size: number,
  changes: { range: { first: number; end: number }; adds: boolean }[],
): { bitmap: Bitmap; model: Set<number> } {
  const bitmap = new Bitmap(size);
  const model = new Set<number>();
  for (const { range: part, adds } of changes) {
    if (adds) bitmap.addRange(part.first, part.end);
    else bitmap.deleteRange(part.first, part.end);
    for (let id = part.first; id < Math.min(part.end, size); id++) {
      if (adds) model.add(id);
      else model.delete(id);
    }
  }
  return { bitmap, model };
}

describe('Bitmap', () => {
  it('holds what a plain set of ids would hold, whatever ranges come and go', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SIZE }), fc.array(change, { maxLength: 12 }), (size, changes) => {
        const { bitmap, model } = build(size, changes);
        const ids = [...model].sort((a, b) => a - b);
        expect(bitmap.count()).toBe(ids.length);
        const found: number[] = [];
        for (const { first, count } of bitmap.ranges()) for (let id = first; id < first + count; id++) found.push(id);
        expect(found).toEqual(ids);
        for (let id = 0; id < size + 5; id++) expect(bitmap.has(id)).toBe(model.has(id));
        for (let from = 0; from <= size; from++) expect(bitmap.next(from)).toBe(ids.find((id) => id >= from) ?? -1);
      }),
    );
  });

  it('gives runs that are as long as they can be, and no longer than asked for', () => {
    const bitmap = new Bitmap(100, true);
    bitmap.delete(40);
    expect(bitmap.nextRange(0)).toEqual({ first: 0, count: 40 });
    expect(bitmap.nextRange(10, 5)).toEqual({ first: 10, count: 5 });
    expect(bitmap.nextRange(40)).toEqual({ first: 41, count: 59 });
    expect(bitmap.nextRange(100)).toBeUndefined();
  });

  it('takes a bit a block: 50 million blocks need a few MiB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const bitmap = new Bitmap(50_000_000, true);
    expect(bitmap.count()).toBe(50_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});
