import { BackyError } from '../../errors.ts';
import { blockLength, type Geometry } from '../../model/geometry.ts';
import type { ImagePiece } from '../../model/image-piece.ts';
import type { CachedBlock } from './block-cache.ts';
import type { ImageBlocks } from './image-blocks.ts';
import type { ImageWriter } from './image-writer.ts';
import type { Overlay } from './overlay.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { Span } from './spans.ts';

/** The parts of an image that pieces are read from. */
interface ImagePiecesOptions {
  geometry: Geometry;
  blocks: ImageBlocks;
  writer: ImageWriter;
  readAhead: ReadAhead;
  /** Logs why a block could not be read. */
  onFailure(id: number, error: BackyError): void;
}

/**
 * Reads spans of an image as pieces, from the overlay where it has the block, else from the
 * version.
 */
export class ImagePieces {
  readonly #options: ImagePiecesOptions;

  constructor(options: ImagePiecesOptions) {
    this.#options = options;
  }

  /**
   * Returns a piece that is in memory. The hot path: random reads of cached blocks wait for
   * nothing.
   */
  cached(span: Span): ImagePiece | undefined {
    const { blocks, writer } = this.#options;
    if (writer.hasBlock(span.id)) return undefined;
    const block = blocks.cached(span.id);
    return block && this.#pieceOf(block, span);
  }

  /** Reads a piece. A block that can't be read is a piece of kind `failed`. */
  async read(span: Span): Promise<ImagePiece> {
    const { blocks, writer, onFailure } = this.#options;
    const { offset, length, id } = span;
    try {
      const { overlay } = writer;
      if (overlay?.written.has(id)) return await writtenPiece(overlay, span);
      const block = await blocks.fetch(id);
      return block === undefined ? { kind: 'zeros', offset, length } : this.#pieceOf(block, span);
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
      onFailure(id, error);
      return { kind: 'failed', offset, length, error };
    }
  }

  /** Hands out the cache's own bytes, or a copy when too many blocks are pinned. */
  #pieceOf(block: CachedBlock, { id, offset, from, length }: Span): ImagePiece {
    const { cache } = this.#options.blocks;
    this.#countServed(block, id, length);
    const bytes = cache.bytes(block, from, length);
    if (!cache.isCrowded) return { kind: 'data', offset, bytes, release: () => cache.unpin(block) };
    const copy = Buffer.from(bytes);
    cache.unpin(block);
    return { kind: 'data', offset, bytes: copy, release: () => {} };
  }

  /** Marks a block as spent when a sequential reader has read all of it. */
  #countServed(block: CachedBlock, id: number, length: number): void {
    const { geometry, blocks, readAhead } = this.#options;
    block.servedBytes += length;
    if (block.servedBytes < blockLength(geometry, id)) return;
    block.servedBytes = 0;
    if (readAhead.isPassed(id)) blocks.cache.spend(block);
  }
}

async function writtenPiece(overlay: Overlay, { offset, length }: Span): Promise<ImagePiece> {
  if (overlay.isHole(offset, length)) return { kind: 'zeros', offset, length };
  const bytes = Buffer.allocUnsafe(length);
  await overlay.read(bytes, offset);
  return { kind: 'data', offset, bytes, release: () => {} };
}
