import { createCipheriv, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * Contents of blocks. `random`: incompressible. `half`: every other KiB repeats a text. `zeros`:
 * nine tenths of a block are zeros, in long runs.
 * @typedef {'random' | 'half' | 'zeros'} Content
 */
export const CONTENTS = /** @type {const} */ (['random', 'half', 'zeros']);

const TEXT = Buffer.from('The quick brown fox jumps over the lazy dog. ');
const PIECE_BYTES = 1024;
const ZERO_RUN_PIECES = 10;

/**
 * Returns a function that fills blocks with one kind of content, each with other bytes.
 * @param {Content} content
 * @returns {(block: Buffer) => Buffer}
 */
export function filler(content) {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  return (block) => {
    cipher.update(block.fill(0)).copy(block);
    for (let start = 0, piece = 0; content !== 'random' && start < block.length; start += PIECE_BYTES, piece++) {
      const end = Math.min(start + PIECE_BYTES, block.length);
      if (content === 'half' && piece % 2 === 1) block.fill(TEXT, start, end);
      if (content === 'zeros' && piece % ZERO_RUN_PIECES !== 0) block.fill(0, start, end);
    }
    return block;
  };
}

/**
 * Writes a file of such blocks.
 * @param {string} path
 * @param {{ content: Content, sizeBytes: number, blockSize: number }} options
 */
export function writeContents(path, { content, sizeBytes, blockSize }) {
  const fill = filler(content);
  const block = Buffer.alloc(blockSize);
  const fd = openSync(path, 'w');
  try {
    for (let done = 0; done < sizeBytes; done += blockSize) writeSync(fd, fill(block));
  } finally {
    closeSync(fd);
  }
}
