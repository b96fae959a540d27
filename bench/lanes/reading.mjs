import { closeSync, constants, openSync, readSync } from 'node:fs';

/**
 * Reads blocks of a file through the page cache.
 * @param {{ path: string, blockSize: number }} task
 */
export function fileScanner({ path, blockSize }) {
  const fd = openSync(path, 'r');
  return (/** @type {Buffer[]} */ group, /** @type {number} */ start) => {
    for (const [index, block] of group.entries()) readSync(fd, block, 0, blockSize, (start + index) * blockSize);
  };
}

/**
 * Reads whole blobs of one size.
 * @param {{ paths: string[], direct: boolean, blockSize: number }} task
 */
export function blobReader({ paths, direct, blockSize }) {
  const flags = constants.O_RDONLY | (direct ? constants.O_DIRECT : 0);
  return (/** @type {Buffer[]} */ group, /** @type {number} */ start) => {
    for (const [index, block] of group.entries()) {
      const path = paths[start + index] ?? '';
      const fd = openSync(path, flags);
      if (readSync(fd, block, 0, blockSize, 0) !== blockSize) throw new Error(`${path} is not a whole block`);
      closeSync(fd);
    }
  };
}
