/** Bytes of the block number at the start of a null block. */
const NUMBER_BYTES = 16;
const SPACE = 0x20;

/**
 * Writes block `blockId` of a null source into `block`: the number as 16 bytes little-endian, then
 * spaces. A shorter block is cut.
 */
export function fillNullBlock(block: Uint8Array, blockId: number): void {
  block.fill(SPACE);
  numberNullBlock(block, blockId);
}

/**
 * Writes only the number, into a block of spaces: filling 4 MiB for each block would halve the
 * speed.
 */
export function numberNullBlock(block: Uint8Array, blockId: number): void {
  let rest = blockId;
  for (let i = 0; i < Math.min(NUMBER_BYTES, block.length); i++) {
    block[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
