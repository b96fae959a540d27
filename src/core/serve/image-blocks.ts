import type { Finding } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { blockCount, blockLength, type Geometry } from '../../model/geometry.ts';
import type { BlockCache, CachedBlock } from './block-cache.ts';
import { isBadBlockError } from './block-errors.ts';
import type { BlockReader } from './block-reader.ts';
import { KnownBadBlocks, type Verdict } from './known-bad-blocks.ts';
import type { BlockRequest } from './read-queue.ts';
import { RowPages } from './row-pages.ts';

/** Where the blocks of an image come from. */
interface ImageBlocksOptions {
  meta: MetaStore;
  logger: Logger;
  versionUid: string;
  geometry: Geometry;
  reader: BlockReader;
  /** Key of block 0 in the reader. The keys after it belong to this image too. */
  firstKey: number;
  /** Marks a bad block that was read by this row. MUST NOT reject. */
  record(finding: Finding, row: BlockRow): Promise<Verdict>;
}

/**
 * The blocks of an open version as they are stored. Reads rows page by page and remembers bad
 * blocks.
 */
export class ImageBlocks {
  readonly #options: ImageBlocksOptions;
  readonly #rows: RowPages;
  readonly #bad: KnownBadBlocks;

  constructor(options: ImageBlocksOptions) {
    const { meta, versionUid, record } = options;
    this.#options = options;
    this.#rows = new RowPages(meta, versionUid);
    this.#bad = new KnownBadBlocks({ meta, versionUid, record, onMended: (id) => this.#rows.forget(id) });
  }

  /** Holds the bytes of the blocks that this returns. */
  get cache(): BlockCache {
    return this.#options.reader.cache;
  }

  /** Returns a block that is in memory, pinned. The caller MUST unpin it. */
  cached(id: number): CachedBlock | undefined {
    return this.#options.reader.cached(this.#options.firstKey + id);
  }

  /**
   * Reads a block and pins it. The caller MUST unpin it. Returns undefined for a sparse block. If a
   * bad block was repaired after its row was read, it is read again by its new row. Throws a
   * BackyError; its code is `blocksBad` for a bad block.
   */
  async fetch(id: number): Promise<CachedBlock | undefined> {
    for (;;) {
      await this.#bad.check(id);
      const request = await this.#request(id);
      if (request === undefined) return undefined;
      try {
        return await this.#options.reader.read(request);
      } catch (error) {
        // The next check knows this bad block.
        if (!isBadBlockError(error)) throw error;
      }
    }
  }

  /** True when a block has a row without a blob: it reads as zeros. */
  async isSparse(id: number): Promise<boolean> {
    const row = await this.#rows.row(id);
    return row !== undefined && row.uid === null;
  }

  /**
   * Starts to read blocks into memory, without waiting for them. Errors are left to later reads.
   */
  async prefetch({ first, count }: BlockRange, isNeeded: (id: number) => boolean): Promise<void> {
    const { geometry, reader } = this.#options;
    const end = Math.min(first + count, blockCount(geometry));
    try {
      const requests: BlockRequest[] = [];
      for (let id = first; id < end; id++) {
        if (!isNeeded(id) || this.#bad.has(id)) continue;
        const row = await this.#rows.row(id);
        if (row !== undefined && row.size === blockLength(geometry, id) && hasBlob(row)) requests.push(this.#requestFor(row));
      }
      // Without a wait in between, so that several blocks make one job.
      for (const request of requests) if (!reader.prefetch(request)) return;
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
    }
  }

  /** Undefined for a sparse block. A row that can't be right is an error. */
  async #request(id: number): Promise<BlockRequest | undefined> {
    const row = await this.#rows.row(id);
    if (row === undefined) throw this.#refuse(id, 'the database lacks it: the version is incomplete');
    if (row.size !== blockLength(this.#options.geometry, id)) throw this.#refuse(id, `its row says ${row.size} bytes`);
    if (!hasBlob(row)) return undefined;
    return this.#requestFor(row);
  }

  #requestFor(row: BlockRow & { uid: string }): BlockRequest {
    return { key: this.#options.firstKey + row.id, row, onBad: (finding) => this.#bad.found(finding, row) };
  }

  #refuse(id: number, why: string): BackyError {
    const { logger, versionUid } = this.#options;
    const error = new BackyError('blocksBad', `Block ${id} of version ${versionUid} can't be read: ${why}.`);
    this.#bad.refuse(id, error);
    logger.error(error.message);
    return error;
  }
}

function hasBlob(row: BlockRow): row is BlockRow & { uid: string } {
  return row.uid !== null;
}
