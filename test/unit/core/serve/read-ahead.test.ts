import { describe, expect, it } from 'vitest';
import { ReadAhead } from '../../../../src/core/serve/read-ahead.ts';

const BLOCK = 4 * 1024 * 1024;

/** Blocks returned for reading ahead while `ids` are read in order. */
function named(ahead: ReadAhead, ids: Iterable<number>): number[] {
  const blocks: number[] = [];
  for (const id of ids) {
    const range = ahead.touch(id, id);
    for (let i = 0; range !== undefined && i < range.count; i++) blocks.push(range.first + i);
  }
  return blocks;
}

function* upTo(first: number, end: number): Iterable<number> {
  for (let id = first; id < end; id++) yield id;
}

describe('ReadAhead', () => {
  it('returns every block once for a sequential reader, and never more than the maximum ahead', () => {
    const ahead = new ReadAhead(12, BLOCK);
    const blocks: number[] = [];
    for (const id of upTo(0, 100)) {
      const more = named(ahead, [id, id, id]);
      for (const block of more) expect(block - id).toBeLessThanOrEqual(12);
      blocks.push(...more);
    }
    expect(blocks).toEqual([...upTo(blocks[0] ?? 0, (blocks[0] ?? 0) + blocks.length)]);
    expect(blocks[0]).toBeLessThanOrEqual(3);
    expect(blocks.at(-1)).toBeGreaterThan(100);
  });

  it('stops where another reader started, and continues when that block is read', () => {
    const ahead = new ReadAhead(12, BLOCK);
    named(ahead, upTo(32, 40));
    const first = named(ahead, upTo(0, 32));
    expect(Math.max(...first)).toBe(31);
    expect(named(ahead, upTo(32, 44)).some((id) => id > 40)).toBe(true);
  });

  it('does not stop for a reader that started before, however far it is', () => {
    const ahead = new ReadAhead(12, BLOCK);
    named(ahead, upTo(0, 60));
    expect(named(ahead, upTo(5, 20)).length).toBeGreaterThan(10);
  });

  it('knows the blocks that sequential readers have passed, but not those of random reads', () => {
    const ahead = new ReadAhead(12, BLOCK);
    named(ahead, [...upTo(10, 20), 70, 900]);
    const passed = [...upTo(0, 1000)].filter((id) => ahead.isPassed(id));
    expect(passed).toEqual([...upTo(10, 20)]);
  });

  it('returns no blocks for random reads', () => {
    expect(named(new ReadAhead(12, BLOCK), [70, 3, 999, 40, 1200, 500, 77, 20])).toEqual([]);
  });

  it('tracks several readers at once', () => {
    const ahead = new ReadAhead(4, BLOCK);
    const turns = [...upTo(0, 20)].flatMap((i) => [i, 1000 + i, 5000 + i]);
    const blocks = named(ahead, turns);
    for (const first of [0, 1000, 5000])
      expect(blocks.filter((id) => id > first + 3 && id < first + 20)).toEqual([...upTo(first + 4, first + 20)]);
  });

  it('treats requests in a slightly wrong order as one reader', () => {
    const blocks = named(new ReadAhead(4, BLOCK), [0, 1, 3, 2, 4, 6, 5, 7, 8, 10, 9]);
    expect(blocks).toContain(11);
    expect(new Set(blocks).size).toBe(blocks.length);
  });
});
