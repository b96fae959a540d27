import type { TakeOverResult } from '../backup-store.ts';

/** The sum before the first piece of a take-over. */
export const NOTHING_COPIED: TakeOverResult = { blocks: 0, bytes: 0, sparseBlocks: 0, sparseBytes: 0 };

/** Adds up pieces of a take-over. */
export function addCopied(a: TakeOverResult, b: TakeOverResult): TakeOverResult {
  return {
    blocks: a.blocks + b.blocks,
    bytes: a.bytes + b.bytes,
    sparseBlocks: a.sparseBlocks + b.sparseBlocks,
    sparseBytes: a.sparseBytes + b.sparseBytes,
  };
}
