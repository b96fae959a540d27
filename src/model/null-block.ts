/** Bytes of the block number at the start of a null block. */
const NUMBER_BYTES = 16;
const SPACE = 0x20;

/**
 * Writes block `blockId` of a null source into `block`: the number as 16 bytes little-endian, then
 * spaces. A block shorter than that is cut.
 */
export function fillNullBlock(block: Uint8Array, blockId: number): void {
  block.fill(SPACE);
  numberNullBlock(block, blockId);
}

/**
 * Writes the number alone, into a block that has its spaces already: a fill of 4 MiB a block would
 * halve the speed.
 */
export function numberNullBlock(block: Uint8Array, blockId: number): void {
  let rest = blockId;
  for (let i = 0; i < Math.min(NUMBER_BYTES, block.length); i++) {
    block[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
