import type { Geometry } from '../../model/geometry.ts';

/** The part of a range that lies in one block. */
export interface Span {
  /** Block id. */
  id: number;
  /** Start of the part in the image. */
  offset: number;
  /** Start of the part in the block. */
  from: number;
  length: number;
  /** True when it covers the block. */
  isWhole: boolean;
}

/** Splits a range of an image at block boundaries. */
export function* spansOf({ blockSize, sizeBytes }: Geometry, offset: number, length: number): IterableIterator<Span> {
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const id = Math.floor(at / blockSize);
    const blockEnd = Math.min((id + 1) * blockSize, sizeBytes);
    const partEnd = Math.min(blockEnd, end);
    const from = at - id * blockSize;
    yield { id, offset: at, from, length: partEnd - at, isWhole: from === 0 && partEnd === blockEnd };
    at = partEnd;
  }
}
