import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Blocks that changed, evenly spread.
 * @param {number} blocks
 * @param {number} changes
 */
export function changedBlocks(blocks, changes) {
  const step = Math.floor(blocks / changes);
  return Array.from({ length: changes }, (_, i) => i * step);
}

/**
 * Writes hints for changed blocks, evenly spread.
 * @param {string} folder
 * @param {{ blocks: number, changes: number, blockSize: number }} image
 * @returns {string} the file's path.
 */
export function writeHints(folder, { blocks, changes, blockSize }) {
  const path = join(folder, `hints-${changes}.json`);
  const hints = changedBlocks(blocks, changes).map((id) => ({ offset: id * blockSize, length: blockSize, exists: true }));
  writeFileSync(path, JSON.stringify(hints));
  return path;
}
