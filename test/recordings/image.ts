import { createHash } from 'node:crypto';

/** The label of an all-zero block. */
export const ZERO = '0';

interface ImageOptions {
  blockSize?: number;
  /** Cuts the last block. */
  sizeBytes?: number;
}

/**
 * An image with one block per label. Equal labels are equal blocks, {@link ZERO} is zeros, and no
 * other block starts with a zero byte.
 */
export function image(labels: string[], options: ImageOptions = {}): Buffer {
  const blockSize = options.blockSize ?? 4096;
  const whole = Buffer.concat(labels.map((label) => block(label, blockSize)));
  return whole.subarray(0, options.sizeBytes ?? whole.length);
}

/** Labels `name0`, `name1` … for blocks that all differ. */
export function distinct(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i}`);
}

/** The labels with some of them replaced, by block id. */
export function changed(labels: string[], changes: Record<number, string>): string[] {
  return labels.map((label, id) => changes[id] ?? label);
}

function block(label: string, blockSize: number): Buffer {
  if (label === ZERO) return Buffer.alloc(blockSize);
  const bytes = createHash('shake256', { outputLength: blockSize }).update(label).digest();
  bytes[0] = (bytes[0] ?? 0) | 1;
  return bytes;
}
