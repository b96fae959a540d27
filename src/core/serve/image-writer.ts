import { blockLength, type Geometry } from '../../model/geometry.ts';
import { isBadBlockError } from './block-errors.ts';
import type { ImageBlocks } from './image-blocks.ts';
import { Overlay } from './overlay.ts';
import { type Span, spansOf } from './spans.ts';

/** The blocks that partial writes copy from. */
type OriginalBlocks = Pick<ImageBlocks, 'cache' | 'fetch' | 'isSparse'>;

/** Where writes to an image go. */
interface ImageWriterOptions {
  geometry: Geometry;
  blocks: OriginalBlocks;
  /** Folder of the overlay's file. */
  cacheDir: string;
  /** Logs why a block could not be written. */
  onFailure(id: number, error: unknown): void;
}

/** Writes to an image. They go to an overlay of whole blocks, never to the version. */
export class ImageWriter {
  readonly #options: ImageWriterOptions;
  /** The last of the queued writes to each block. */
  readonly #queued = new Map<number, Promise<void>>();
  /**
   * Blocks that lack a partial write because the version's block is bad. A write of the whole block
   * mends that.
   */
  readonly #incomplete = new Map<number, Error>();
  #failure: Error | undefined;
  #overlay: Overlay | undefined;

  constructor(options: ImageWriterOptions) {
    this.#options = options;
  }

  /** Undefined until the first write. */
  get overlay(): Overlay | undefined {
    return this.#overlay;
  }

  /** Why a write is missing from the image; undefined when none is. */
  get failure(): Error | undefined {
    return this.#failure ?? this.#incomplete.values().next().value;
  }

  hasBlock(id: number): boolean {
    return this.#overlay?.written.has(id) === true;
  }

  /** Writes a range. A block that is written in part is copied to the overlay first. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#rememberFailure(this.#write(offset, bytes));
  }

  /** Makes a range read as zeros. Writes nothing where the version is sparse. */
  writeZeros(offset: number, length: number): Promise<void> {
    return this.#rememberFailure(this.#writeZeros(offset, length));
  }

  /**
   * Makes whole blocks, and blocks in the overlay, read as zeros. Leaves other parts of the range
   * as they are.
   */
  async trim(offset: number, length: number): Promise<void> {
    for (const span of spansOf(this.#options.geometry, offset, length)) {
      if (span.isWhole || this.hasBlock(span.id)) await this.writeZeros(span.offset, span.length);
    }
  }

  /** Discards the overlay. */
  close(): void {
    this.#overlay?.close();
    this.#overlay = undefined;
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    for (const span of spansOf(this.#options.geometry, offset, bytes.length)) {
      const start = span.offset - offset;
      await this.#change(span, (overlay) => overlay.write(bytes.subarray(start, start + span.length), span.offset));
    }
  }

  async #writeZeros(offset: number, length: number): Promise<void> {
    const { geometry, blocks } = this.#options;
    for (const span of spansOf(geometry, offset, length)) {
      if (!this.hasBlock(span.id) && (await blocks.isSparse(span.id))) continue;
      await this.#change(span, (overlay) => overlay.zero(span.offset, span.length));
    }
  }

  /** Changes part of a block in the overlay, after all earlier changes of that block. */
  #change(span: Span, change: (overlay: Overlay) => Promise<void>): Promise<void> {
    return this.#inTurn(span.id, async (overlay) => {
      if (!span.isWhole) await this.#copyUp(overlay, span.id);
      await change(overlay);
      overlay.written.add(span.id);
      if (span.isWhole) this.#incomplete.delete(span.id);
    });
  }

  /** Copies a block into the overlay unless it is there. */
  async #copyUp(overlay: Overlay, id: number): Promise<void> {
    if (overlay.written.has(id)) return;
    const { geometry, blocks } = this.#options;
    const offset = id * geometry.blockSize;
    const block = await blocks.fetch(id);
    // An earlier write that failed may have left bytes there.
    if (block === undefined) return overlay.zero(offset, blockLength(geometry, id));
    try {
      await overlay.write(blocks.cache.bytes(block, 0, blockLength(geometry, id)), offset);
    } finally {
      blocks.cache.unpin(block);
    }
  }

  /** Writes to one block run one after the other, since the first of them copies the block. */
  async #inTurn(id: number, write: (overlay: Overlay) => Promise<void>): Promise<void> {
    const before = this.#queued.get(id) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => write(this.#openOverlay()));
    this.#queued.set(id, mine);
    try {
      await mine;
    } catch (error) {
      if (isBadBlockError(error)) this.#incomplete.set(id, error);
      this.#options.onFailure(id, error);
      throw error;
    } finally {
      if (this.#queued.get(id) === mine) this.#queued.delete(id);
    }
  }

  /**
   * A bad block can still be written as a whole. After any other failure the image's content is
   * unknown.
   */
  async #rememberFailure(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      if (!isBadBlockError(error)) this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  #openOverlay(): Overlay {
    this.#overlay ??= new Overlay(this.#options.cacheDir, this.#options.geometry);
    return this.#overlay;
  }
}
