/** The size of an image and of its blocks. */
export interface Geometry {
  blockSize: number;
  sizeBytes: number;
}

/** The number of an image's blocks, the shorter last one included. */
export function blockCount({ blockSize, sizeBytes }: Geometry): number {
  return Math.ceil(sizeBytes / blockSize);
}

/** Bytes of block `id`: the last block of an image may be shorter. */
export function blockLength({ blockSize, sizeBytes }: Geometry, id: number): number {
  return Math.min(blockSize, sizeBytes - id * blockSize);
}
