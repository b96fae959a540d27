import type { Finding } from '../../engine/shared/messages.ts';
import { BackyError, messageOf } from '../../errors.ts';
import type { BlockRow } from '../../model/block.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import type { CachedBlock } from './block-cache.ts';
import type { BlockReader, BlockRequest } from './block-reader.ts';
import type { Extent, ImagePiece } from './image-piece.ts';
import { KnownBadBlocks, type Verdict } from './known-bad-blocks.ts';
import { Overlay } from './overlay.ts';
import { ReadAhead } from './read-ahead.ts';
import { RowPages } from './row-pages.ts';
import { type Span, spansOf } from './spans.ts';

/** Blocks that one look for extents goes through at most: some milliseconds. */
const MOST_BLOCKS_LOOKED_AT = 100_000;

/** What a view works with. */
export interface ImageViewOptions {
  context: Context;
  version: TaggedVersion;
  blockSize: number;
  reader: BlockReader;
  /** The key of its first block in the reader; all from there on are its own. */
  firstKey: number;
  /** Marks a bad block, that was read by this row. Never rejects. */
  record(finding: Finding, row: BlockRow): Promise<Verdict>;
}

/**
 * One thing, though long: reads, writes and bad blocks share the rows, the overlay and the order of writes to a block.
 *
 * A version as an image that can be read anywhere, and written: what is written is in an overlay, never in the version. Ranges MUST lie within
 * the image. Several calls may be in flight; a read beside a write of the same bytes sees them as they were or as they are.
 */
export class ImageView {
  readonly version: TaggedVersion;
  readonly geometry: Geometry;
  readonly #options: ImageViewOptions;
  readonly #rows: RowPages;
  readonly #ahead: ReadAhead;
  readonly #bad: KnownBadBlocks;
  /** The last of the writes to each block that is being written. */
  readonly #writing = new Map<number, Promise<void>>();
  /** Blocks that a write could not be added to, since they are bad. */
  readonly #unwritten = new Map<number, Error>();
  #failure: Error | undefined;
  #overlay: Overlay | undefined;

  constructor(options: ImageViewOptions) {
    const { context, version, blockSize, reader, record } = options;
    this.#options = options;
    this.version = version;
    this.geometry = { blockSize, sizeBytes: version.sizeBytes };
    this.#rows = new RowPages(context.meta, version.uid);
    this.#ahead = new ReadAhead(reader.aheadBlocks, blockSize);
    const onMended = (id: number) => this.#rows.forget(id);
    this.#bad = new KnownBadBlocks({ meta: context.meta, versionUid: version.uid, record, onMended });
  }

  /** What was written, if anything was. */
  get overlay(): Overlay | undefined {
    return this.#overlay;
  }

  /**
   * Why some write did not get here, if one did not: then the image is not what its clients made of
   * it.
   */
  get failure(): Error | undefined {
    return this.#failure ?? this.#unwritten.values().next().value;
  }

  /**
   * Reads a range: `take` gets it piece by piece, in order, and never rejects for a bad block, which is a piece of its own. Bytes are good
   * until their `release` is called, which MUST happen, and MUST NOT depend on later pieces.
   */
  async read(offset: number, length: number, take: (piece: ImagePiece) => void): Promise<void> {
    const { blockSize } = this.geometry;
    const first = Math.floor(offset / blockSize);
    const last = Math.floor((offset + length - 1) / blockSize);
    const ahead = length === 0 ? undefined : this.#ahead.touch(first, last);
    if (last > first) void this.#prefetch(first, last - first + 1);
    for (const span of spansOf(this.geometry, offset, length)) {
      const piece = this.#cachedPiece(span) ?? (await this.#piece(span));
      take(piece);
    }
    if (ahead !== undefined) void this.#prefetch(ahead.first, ahead.count);
  }

  /** Makes sure that a range is in memory, as far as there is room. */
  async cache(offset: number, length: number): Promise<void> {
    await this.read(offset, length, (piece) => {
      if (piece.kind === 'data') piece.release();
    });
  }

  /** Writes into the overlay. A block that is written in part is copied there first. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#remembering(this.#write(offset, bytes));
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    for (const span of spansOf(this.geometry, offset, bytes.length)) {
      const start = span.offset - offset;
      await this.#inTurn(span.id, async (overlay) => {
        if (!span.isWhole) await this.#copyUp(overlay, span.id);
        await overlay.write(bytes.subarray(start, start + span.length), span.offset);
        this.#keep(overlay, span);
      });
    }
  }

  /** Makes a range read as zeros. Where it does so already, nothing is written. */
  writeZeros(offset: number, length: number): Promise<void> {
    return this.#remembering(this.#writeZeros(offset, length));
  }

  async #writeZeros(offset: number, length: number): Promise<void> {
    for (const span of spansOf(this.geometry, offset, length)) {
      if (await this.#isSparse(span.id)) continue;
      await this.#inTurn(span.id, async (overlay) => {
        if (!span.isWhole) await this.#copyUp(overlay, span.id);
        await overlay.zero(span.offset, span.length);
        this.#keep(overlay, span);
      });
    }
  }

  /** Nobody wants a range any more: whole blocks, and what is in the overlay, read as zeros from now on; the rest stays as it is. */
  async trim(offset: number, length: number): Promise<void> {
    for (const span of spansOf(this.geometry, offset, length)) {
      if (span.isWhole || this.#overlay?.written.has(span.id)) await this.writeZeros(span.offset, span.length);
    }
  }

  /** Where a range has data, from its start; it may tell less than all of it, but something. At most `limit` extents. */
  async extents(offset: number, length: number, limit: number): Promise<Extent[]> {
    const extents: Extent[] = [];
    let looked = 0;
    for (const span of spansOf(this.geometry, offset, length)) {
      if (looked++ === MOST_BLOCKS_LOOKED_AT) break;
      const isZero = await this.#isHole(span);
      const last = extents.at(-1);
      if (last?.isZero === isZero) last.length += span.length;
      else if (extents.length === limit) break;
      else extents.push({ length: span.length, isZero });
    }
    return extents;
  }

  /** Forgets what was written. */
  close(): void {
    this.#overlay?.close();
    this.#overlay = undefined;
  }

  /** The hot path: random reads of what is in memory wait for nothing. */
  #cachedPiece(span: Span): ImagePiece | undefined {
    if (this.#overlay?.written.has(span.id)) return undefined;
    const { reader, firstKey } = this.#options;
    const block = reader.cached(firstKey + span.id);
    if (block === undefined) return undefined;
    return this.#pieceOf(block, span);
  }

  /** The bytes where they are, or a copy where too many hold theirs already. */
  #pieceOf(block: CachedBlock, { id, offset, from, length }: Span): ImagePiece {
    const { cache } = this.#options.reader;
    this.#countServed(block, id, length);
    const bytes = cache.bytes(block, from, length);
    if (!cache.isCrowded) return { kind: 'data', offset, bytes, release: () => cache.unpin(block) };
    const copy = Buffer.from(bytes);
    cache.unpin(block);
    return { kind: 'data', offset, bytes: copy, release: () => {} };
  }

  /** A block that a sequential reader has had all of is spent; one that is read again and again is so no more often than it is read whole. */
  #countServed(block: CachedBlock, id: number, length: number): void {
    block.servedBytes += length;
    if (block.servedBytes < blockLength(this.geometry, id)) return;
    block.servedBytes = 0;
    if (this.#ahead.isPassed(id)) this.#options.reader.cache.spend(block);
  }

  async #piece(span: Span): Promise<ImagePiece> {
    const { offset, length, id } = span;
    try {
      if (this.#overlay?.written.has(id)) return await this.#writtenPiece(this.#overlay, span);
      const block = await this.#fetch(id);
      return block === undefined ? { kind: 'zeros', offset, length } : this.#pieceOf(block, span);
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
      this.#logUnlessBad('read', id, error);
      return { kind: 'failed', offset, length, error };
    }
  }

  async #writtenPiece(overlay: Overlay, { offset, length }: Span): Promise<ImagePiece> {
    if (overlay.isHole(offset, length)) return { kind: 'zeros', offset, length };
    const bytes = Buffer.allocUnsafe(length);
    await overlay.read(bytes, offset);
    return { kind: 'data', offset, bytes, release: () => {} };
  }

  /** A block, pinned: MUST be unpinned; undefined when it is sparse. One that somebody mended since its row was read is read by its new row. */
  async #fetch(id: number): Promise<CachedBlock | undefined> {
    for (;;) {
      await this.#bad.check(id);
      const request = await this.#request(id);
      if (request === undefined) return undefined;
      try {
        return await this.#options.reader.read(request);
      } catch (error) {
        // The check above knows of it by now.
        if (!isOfBadBlock(error)) throw error;
      }
    }
  }

  /** What to ask the reader for; undefined for a sparse block. A block that can't be good is an error. */
  async #request(id: number): Promise<BlockRequest | undefined> {
    const row = await this.#rows.row(id);
    if (row === undefined) throw this.#refuse(id, 'the database lacks it: the version is incomplete');
    if (row.size !== blockLength(this.geometry, id)) throw this.#refuse(id, `its row says ${row.size} bytes`);
    if (!hasBlob(row)) return undefined;
    return this.#requestFor(row);
  }

  #requestFor(row: BlockRow & { uid: string }): BlockRequest {
    return { key: this.#options.firstKey + row.id, row, onBad: (finding) => this.#bad.found(finding, row) };
  }

  #refuse(id: number, why: string): BackyError {
    const error = new BackyError('blocksBad', `Block ${id} of version ${this.version.uid} can't be read: ${why}.`);
    this.#bad.refuse(id, error);
    this.#options.context.logger.error(error.message);
    return error;
  }

  /** Best effort: whoever wants such a block meets its errors. */
  async #prefetch(first: number, count: number): Promise<void> {
    const end = Math.min(first + count, blockCount(this.geometry));
    try {
      const requests: BlockRequest[] = [];
      for (let id = first; id < end; id++) {
        if (this.#overlay?.written.has(id) || this.#bad.has(id)) continue;
        const row = await this.#rows.row(id);
        if (row !== undefined && row.size === blockLength(this.geometry, id) && hasBlob(row))
          requests.push(this.#requestFor(row));
      }
      // In one go, so that they make jobs of many blocks.
      for (const request of requests) if (!this.#options.reader.prefetch(request)) return;
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
    }
  }

  async #isSparse(id: number): Promise<boolean> {
    if (this.#overlay?.written.has(id)) return false;
    const row = await this.#rows.row(id);
    return row !== undefined && row.uid === null;
  }

  async #isHole({ id, offset, length }: Span): Promise<boolean> {
    return this.#overlay?.written.has(id) ? this.#overlay.isHole(offset, length) : this.#isSparse(id);
  }

  /** Copies a block into the overlay, unless it is there. */
  async #copyUp(overlay: Overlay, id: number): Promise<void> {
    if (overlay.written.has(id)) return;
    const offset = id * this.geometry.blockSize;
    const block = await this.#fetch(id);
    // A write that failed half way may have left something there.
    if (block === undefined) return overlay.zero(offset, blockLength(this.geometry, id));
    const { cache } = this.#options.reader;
    try {
      await overlay.write(cache.bytes(block, 0, blockLength(this.geometry, id)), offset);
    } finally {
      cache.unpin(block);
    }
  }

  #keep(overlay: Overlay, { id, isWhole }: Span): void {
    overlay.written.add(id);
    if (isWhole) this.#unwritten.delete(id);
  }

  /**
   * A bad block can still be written as a whole; after any other failure, nobody knows what the
   * image lacks.
   */
  async #remembering(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      if (!isOfBadBlock(error)) this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  /** Writes to one block go one after the other, since the first of them copies it. */
  async #inTurn(id: number, write: (overlay: Overlay) => Promise<void>): Promise<void> {
    const before = this.#writing.get(id) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => write(this.#openOverlay()));
    this.#writing.set(id, mine);
    try {
      await mine;
    } catch (error) {
      if (error instanceof Error && isOfBadBlock(error)) this.#unwritten.set(id, error);
      this.#logUnlessBad('write', id, error);
      throw error;
    } finally {
      if (this.#writing.get(id) === mine) this.#writing.delete(id);
    }
  }

  #openOverlay(): Overlay {
    this.#overlay ??= new Overlay(this.#options.context.settings.cacheDir, this.geometry);
    return this.#overlay;
  }

  /** Bad blocks are told of when they are found. */
  #logUnlessBad(what: 'read' | 'write', id: number, error: unknown): void {
    if (isOfBadBlock(error)) return;
    const hint = error instanceof BackyError && error.hint !== undefined ? ` ${error.hint}` : '';
    this.#options.context.logger.error(`Cannot ${what} block ${id} of version ${this.version.uid}: ${messageOf(error)}${hint}`);
  }
}

function isOfBadBlock(error: unknown): boolean {
  return error instanceof BackyError && error.code === 'blocksBad';
}

function hasBlob(row: BlockRow): row is BlockRow & { uid: string } {
  return row.uid !== null;
}
