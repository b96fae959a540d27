import type { Geometry } from '../../model/geometry.ts';

/** The part of a range that is in one block. */
export interface Span {
  /** The block. */
  id: number;
  /** Where the part starts in the image. */
  offset: number;
  /** Where it starts in the block. */
  from: number;
  length: number;
  /** Whether it is all of the block. */
  isWhole: boolean;
}

/** Cuts a range of an image at its blocks. */
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
