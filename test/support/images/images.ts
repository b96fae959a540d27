import { encrypted } from '../labs/encryption.ts';
import type { LabOptions } from '../labs/lab.ts';
import { ON_SERVERS } from '../stores/amount.ts';
import { filesOnly } from '../stores/files-only.ts';
import { noise } from './random.ts';

const store = ON_SERVERS ? 'PostgreSQL, S3' : 'SQLite, files';

/** Kinds of stores from which versions are opened as images; tests run on each. */
export const STORES: { store: string; options: LabOptions }[] = [
  { store, options: {} },
  { store: `${store}, encrypted`, options: { config: encrypted() } },
];

/**
 * Defines tests about clients alone, on the first of `STORES`: the form of the blobs decides
 * nothing.
 */
export function clientSide(store: string, define: () => void): void {
  if (store === STORES[0]?.store) filesOnly('client side', define);
}

/** An image of full, all-zero and half-zero blocks; its last block is shorter. */
export function mixedImage(blockSize: number, blocks: number, name: string): Buffer {
  const parts = Array.from({ length: blocks }, (_, id) => {
    if (id % 5 === 1 || id % 5 === 2) return Buffer.alloc(blockSize);
    const block = noise(blockSize, `${name} ${id}`);
    return id % 5 === 4 ? block.fill(0, blockSize / 2) : block;
  });
  return Buffer.concat([...parts, noise(Math.floor(blockSize / 3) + 1, `${name} end`)]);
}
