import type { Finding } from '../../engine/shared/messages.ts';
import type { BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { Geometry } from '../../model/geometry.ts';
import { unlessAborted } from '../../model/unless-aborted.ts';
import { hasItsLength } from '../blocks/check-length.ts';
import { type RowsInOrderOptions, rowsInOrder } from '../blocks/rows-in-order.ts';
import type { CachedBlock } from '../serve/block-cache.ts';
import type { BlockReader } from '../serve/block-reader.ts';

/** A block with a blob. */
type StoredRow = BlockRow & { uid: string };

/** The block, or blocks, at the next place of the image. */
export type WindowItem =
  | { kind: 'zeros'; range: BlockRange }
  /** Verified bytes in the reader's arena, until `release` is called. */
  | { kind: 'data'; row: StoredRow; bytes: Uint8Array; release(): void }
  /** The blob is bad. */
  | { kind: 'bad'; row: StoredRow; finding: Finding }
  /** The row has another length than the block. */
  | { kind: 'misfit'; row: BlockRow }
  /** The blocks have no row. */
  | { kind: 'gap'; range: BlockRange };

/** A block that is being read, and how that ended. */
interface Load {
  kind: 'load';
  row: StoredRow;
  /** Never rejects. */
  settled: Promise<void>;
  block?: CachedBlock;
  finding?: Finding;
  error?: unknown;
}

/** Work whose outcome is known, or a block that is being read. */
type Entry = Exclude<WindowItem, { kind: 'data' | 'bad' }> | Load;

/** Where the blocks of a window come from. */
interface WindowOptions extends RowsInOrderOptions {
  geometry: Geometry;
  /** Reads for nobody else. */
  reader: BlockReader;
  signal: AbortSignal;
}

/**
 * The next blocks of a version, in order. While the first of them is taken, the others are read, up
 * to as many as the reader reads ahead.
 */
export class BlockWindow {
  readonly #options: WindowOptions;
  readonly #pages: AsyncIterator<(BlockRow | BlockRange)[]>;
  #page: (BlockRow | BlockRange)[] = [];
  #at = 0;
  #entries: Entry[] = [];

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#pages = rowsInOrder(options);
  }

  /** Waits for the next item and removes it. Undefined at the end. Throws what reading throws. */
  async next(): Promise<WindowItem | undefined> {
    await this.#fill();
    const first = this.#entries[0];
    if (first?.kind === 'load') await unlessAborted(first.settled, this.#options.signal);
    return this.#take();
  }

  /** Removes the next item if it is good and there already. */
  nextGood(): WindowItem | undefined {
    const first = this.#entries[0];
    const isGood = first?.kind === 'zeros' || (first?.kind === 'load' && first.block !== undefined);
    return isGood ? this.#take() : undefined;
  }

  /** Puts a block before all others and reads it. */
  readAgain(row: BlockRow): void {
    this.#entries.unshift(this.#entryFor(row));
  }

  #take(): WindowItem | undefined {
    const entry = this.#entries.shift();
    return entry?.kind === 'load' ? this.#itemOf(entry) : entry;
  }

  #itemOf({ row, block, finding, error }: Load): WindowItem {
    const { cache } = this.#options.reader;
    if (block === undefined) {
      if (finding === undefined) throw error;
      return { kind: 'bad', row, finding };
    }
    const release = () => {
      cache.unpin(block);
      cache.drop(block);
    };
    return { kind: 'data', row, bytes: cache.bytes(block, 0, row.size), release };
  }

  /** Refills when half of the window is free: blocks that are read together share jobs. */
  async #fill(): Promise<void> {
    const { aheadBlocks } = this.#options.reader;
    if (this.#entries.length > aheadBlocks / 2) return;
    while (this.#entries.length < aheadBlocks) {
      const item = this.#page[this.#at] ?? (await this.#nextPage());
      if (item === undefined) return;
      this.#at++;
      this.#entries.push('uid' in item ? this.#entryFor(item) : { kind: 'gap', range: item });
    }
  }

  /** The first item of the next page that has one. */
  async #nextPage(): Promise<BlockRow | BlockRange | undefined> {
    do {
      const { value, done } = await this.#pages.next();
      if (done === true) return undefined;
      this.#page = value;
      this.#at = 0;
    } while (this.#page.length === 0);
    return this.#page[0];
  }

  #entryFor(row: BlockRow): Entry {
    if (!hasItsLength(row, this.#options.geometry)) return { kind: 'misfit', row };
    if (!hasBlob(row)) return { kind: 'zeros', range: { first: row.id, count: 1 } };
    const load: Load = { kind: 'load', row, settled: Promise.resolve() };
    const onBad = (finding: Finding) => {
      load.finding = finding;
    };
    load.settled = this.#options.reader.read({ key: row.id, row, onBad }).then(
      (block) => {
        load.block = block;
      },
      (error: unknown) => {
        load.error = error;
      },
    );
    return load;
  }
}

function hasBlob(row: BlockRow): row is StoredRow {
  return row.uid !== null;
}
