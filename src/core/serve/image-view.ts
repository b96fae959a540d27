import type { Finding } from '../../engine/shared/messages.ts';
import type { BlockRow } from '../../model/block.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { Extent, ImagePiece } from '../../model/image-piece.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { type BlockFailure, logBlockFailure } from './block-errors.ts';
import type { BlockReader } from './block-reader.ts';
import { ImageBlocks } from './image-blocks.ts';
import { ImagePieces } from './image-pieces.ts';
import { ImageWriter } from './image-writer.ts';
import type { Verdict } from './known-bad-blocks.ts';
import type { Overlay } from './overlay.ts';
import { ReadAhead } from './read-ahead.ts';
import { type Span, spansOf } from './spans.ts';

/** Blocks that one call of `extents` checks at most. That takes some milliseconds. */
const MAX_EXTENT_BLOCKS = 100_000;

/** How to open a view. */
interface ImageViewOptions {
  context: Context;
  version: TaggedVersion;
  blockSize: number;
  reader: BlockReader;
  /** Key of block 0 in the reader. The keys after it belong to this image too. */
  firstKey: number;
  /** Marks a bad block that was read by this row. MUST NOT reject. */
  record(finding: Finding, row: BlockRow): Promise<Verdict>;
}

/**
 * A version as an image with random access. Writes go to an overlay, never to the version. Ranges
 * MUST lie within the image. Calls may overlap: a read during a write of the same bytes returns
 * either the old or the new ones.
 */
export class ImageView {
  readonly version: TaggedVersion;
  readonly geometry: Geometry;
  readonly #blocks: ImageBlocks;
  readonly #writer: ImageWriter;
  readonly #pieces: ImagePieces;
  readonly #readAhead: ReadAhead;

  constructor({ context, version, blockSize, reader, firstKey, record }: ImageViewOptions) {
    const { meta, logger, settings } = context;
    const versionUid = version.uid;
    const geometry = { blockSize, sizeBytes: version.sizeBytes };
    const failed = (attempt: BlockFailure['attempt']) => (id: number, error: unknown) =>
      logBlockFailure(logger, { attempt, id, versionUid, error });
    this.version = version;
    this.geometry = geometry;
    this.#readAhead = new ReadAhead(reader.aheadBlocks, blockSize);
    this.#blocks = new ImageBlocks({ meta, logger, versionUid, geometry, reader, firstKey, record });
    this.#writer = new ImageWriter({ geometry, blocks: this.#blocks, cacheDir: settings.cacheDir, onFailure: failed('write') });
    const sources = { blocks: this.#blocks, writer: this.#writer, readAhead: this.#readAhead };
    this.#pieces = new ImagePieces({ geometry, ...sources, onFailure: failed('read') });
  }

  /** Blocks that were written; undefined until the first write. */
  get overlay(): Overlay | undefined {
    return this.#writer.overlay;
  }

  /**
   * Why a write is missing from the image; undefined when none is. An image with a failure MUST NOT
   * be saved.
   */
  get failure(): Error | undefined {
    return this.#writer.failure;
  }

  /**
   * Reads a range. Calls `take` for each piece in order; a bad block is a piece of kind `failed`.
   * `take` MUST release each piece with data, and MUST NOT wait for later pieces to do so.
   */
  async read(offset: number, length: number, take: (piece: ImagePiece) => void): Promise<void> {
    const { blockSize } = this.geometry;
    const first = Math.floor(offset / blockSize);
    const last = Math.floor((offset + length - 1) / blockSize);
    const ahead = length === 0 ? undefined : this.#readAhead.touch(first, last);
    const isNeeded = (id: number) => !this.#writer.hasBlock(id);
    if (last > first) void this.#blocks.prefetch({ first, count: last - first + 1 }, isNeeded);
    for (const span of spansOf(this.geometry, offset, length)) {
      const piece = this.#pieces.cached(span) ?? (await this.#pieces.read(span));
      take(piece);
    }
    if (ahead !== undefined) void this.#blocks.prefetch(ahead, isNeeded);
  }

  /** Reads a range into memory, as far as there is room. */
  async cache(offset: number, length: number): Promise<void> {
    await this.read(offset, length, (piece) => {
      if (piece.kind === 'data') piece.release();
    });
  }

  /** Writes a range to the overlay. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#writer.write(offset, bytes);
  }

  /** Makes a range read as zeros. */
  writeZeros(offset: number, length: number): Promise<void> {
    return this.#writer.writeZeros(offset, length);
  }

  /** Makes whole blocks of a range read as zeros. Blocks in part stay, unless they were written. */
  trim(offset: number, length: number): Promise<void> {
    return this.#writer.trim(offset, length);
  }

  /**
   * Lists which parts of a range are zeros, from its start. Returns 1 to `limit` extents, which MAY
   * cover less than the range.
   */
  async extents(offset: number, length: number, limit: number): Promise<Extent[]> {
    const extents: Extent[] = [];
    let checked = 0;
    for (const span of spansOf(this.geometry, offset, length)) {
      if (checked++ === MAX_EXTENT_BLOCKS) break;
      const isZero = await this.#isZero(span);
      const last = extents.at(-1);
      if (last?.isZero === isZero) last.length += span.length;
      else if (extents.length === limit) break;
      else extents.push({ length: span.length, isZero });
    }
    return extents;
  }

  /** Discards all writes. */
  close(): void {
    this.#writer.close();
  }

  async #isZero({ id, offset, length }: Span): Promise<boolean> {
    const { overlay } = this.#writer;
    return overlay?.written.has(id) ? overlay.isHole(offset, length) : this.#blocks.isSparse(id);
  }
}
