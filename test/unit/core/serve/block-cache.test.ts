import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../../../src/core/serve/block-cache.ts';
import { isAligned } from '../../../../src/native/direct-io.ts';

/** Adds a block that is loaded at once. */
function put(cache: BlockCache, key: number) {
  const block = cache.add(key);
  if (block === undefined) throw new Error(`no room for ${key}`);
  cache.loaded(block);
  return block;
}

describe('BlockCache', () => {
  it('has memory of its own for each block, fit for direct I/O', () => {
    const cache = new BlockCache(3, 8192);
    const blocks = [1, 2, 3].map((key) => put(cache, key));
    for (const block of blocks) {
      const bytes = cache.bytes(block, 0, 8192).fill(block.key);
      expect(isAligned(bytes)).toBe(true);
      expect(bytes.byteOffset).toBe(cache.positionOf(block));
    }
    expect(blocks.map((block) => [...new Set(cache.bytes(block, 0, 8192))])).toEqual([[1], [2], [3]]);
    expect(cache.bytes(blocks[1] as (typeof blocks)[0], 8000, 192).buffer).toBe(cache.arena);
  });

  it('evicts the least recently used block', () => {
    const cache = new BlockCache(3, 16);
    for (const key of [1, 2, 3]) put(cache, key);
    cache.find(1);
    put(cache, 4);
    expect([1, 2, 3, 4].filter((key) => cache.has(key))).toEqual([1, 3, 4]);
  });

  it('reuses a spent slot before an unused one, unless its block is pinned or was used again', () => {
    const cache = new BlockCache(8, 16);
    const blocks = [1, 2, 3].map((key) => put(cache, key));
    for (const block of blocks) cache.spend(block);
    const [first, second, third] = blocks;
    if (first !== undefined) cache.pin(first);
    cache.find(2);
    expect(put(cache, 4).slot).toBe(third?.slot);
    expect(put(cache, 5).slot).not.toBe(first?.slot);
    expect([1, 2, 3].map((key) => cache.find(key)?.slot)).toEqual([first?.slot, second?.slot, undefined]);
  });

  it('keeps pinned and loading blocks, and has no room when there are no others', () => {
    const cache = new BlockCache(2, 16);
    const pinned = put(cache, 1);
    cache.pin(pinned);
    const onItsWay = cache.add(2);
    expect(onItsWay).toBeDefined();
    expect(cache.add(3)).toBeUndefined();
    cache.unpin(pinned);
    put(cache, 3);
    expect([1, 2, 3].filter((key) => cache.has(key))).toEqual([2, 3]);
  });

  it('wakes waiters when there may be room', async () => {
    const cache = new BlockCache(1, 16);
    const block = put(cache, 1);
    cache.pin(block);
    const room = cache.room();
    cache.unpin(block);
    await room;
    expect(cache.add(2)).toBeDefined();
  });

  it('never gives two blocks the same bytes', () => {
    const cache = new BlockCache(4, 16);
    for (let key = 0; key < 20; key++) cache.bytes(put(cache, key), 0, 16).fill(key);
    const first = put(cache, 100);
    cache.drop(first);
    cache.bytes(put(cache, 101), 0, 16).fill(101);
    for (const key of [18, 19, 101]) {
      const block = cache.find(key);
      expect(block && [...cache.bytes(block, 0, 16)]).toEqual(new Array(16).fill(key));
    }
  });

  it('is crowded when more than half of it is pinned', () => {
    const cache = new BlockCache(4, 16);
    for (const key of [1, 2]) cache.pin(put(cache, key));
    expect(cache.isCrowded).toBe(false);
    const third = put(cache, 3);
    cache.pin(third);
    cache.pin(third);
    expect(cache.isCrowded).toBe(true);
    cache.unpin(third);
    expect(cache.isCrowded).toBe(true);
    cache.unpin(third);
    expect(cache.isCrowded).toBe(false);
  });
});
