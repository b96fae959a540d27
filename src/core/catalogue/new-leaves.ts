import { leafEncoder } from '../../data/catalogue/leaf-payload.ts';
import type { LeafPayload, LeafRow } from '../../data/catalogue/types.ts';
import { messageOf } from '../../errors.ts';
import { anySignal, newAborter } from '../../model/aborter.ts';
import type { Block } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { leafOfBlock } from '../../model/catalogue-leaf.ts';
import type { Version } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { confirmStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import { blocksOfLeaf } from './leaf-set.ts';
import { LeafWriter } from './leaf-writer.ts';
import { catalogueOf, prepareKey } from './with-catalogue.ts';

/** Whole leaves that are stored together: they take up to 3 MB. */
const BATCH = 32;

/**
 * Rows of leaves that lack blocks: up to 17 MB. Workers store blocks nearly in order, so that a
 * leaf that has waited for this many others will not be whole soon.
 */
const MOST_WAITING = 40_000;

/** Leaves of a version that need not be read from the database. */
export interface KnownLeaves {
  /** Names of those that were stored. Others may have deleted them since. */
  stored: ReadonlyMap<number, string>;
  /** Others, with all of their blocks. */
  payloads: ReadonlyMap<number, LeafPayload>;
}

/** The blocks of a leaf that are committed. */
interface PartialLeaf extends BlockRange {
  index: number;
  blocks: Block[];
}

/**
 * Gathers the rows of a version as they are committed, and stores whole leaves while the backup
 * runs: reading all rows again would cost 3 µs for each. A leaf is encoded as soon as it is whole,
 * while its rows are in the processor's cache, and not old enough for V8 to have moved them.
 * Nothing relies on it. What was committed before, changed since, or could not be stored is read
 * from the database at the end.
 */
export class NewLeaves {
  readonly #context: Context;
  readonly #version: Version;
  readonly #encode: (index: number, rows: readonly LeafRow[]) => LeafPayload;
  readonly #aborter = newAborter();
  /** Leaves that lack blocks, the oldest first. */
  readonly #partial = new Map<number, PartialLeaf>();
  /** The one of the last block: most blocks are in the same as the one before. */
  #latest: PartialLeaf | undefined;
  #waiting = 0;
  readonly #stored = new Map<number, string>();
  /** Names that the folder has. */
  #known: Set<string> | undefined;
  #whole = new Map<number, LeafPayload>();
  #storing: Promise<void> | undefined;
  #isOver = false;

  constructor(context: Context, version: Version) {
    this.#context = context;
    this.#version = version;
    this.#encode = leafEncoder(context.settings.encryption.key);
  }

  /** Adds blocks whose rows are committed. Waits if leaves come quicker than they are stored. */
  async add(blocks: Iterable<Block>): Promise<void> {
    if (this.#isOver) return;
    try {
      for (const block of blocks) this.#addBlock(block);
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    if (this.#whole.size < BATCH) return;
    await this.#storing;
    if (this.#isOver || this.#whole.size < BATCH) return;
    const leaves = this.#whole;
    this.#whole = new Map();
    this.#storing = this.#store(leaves);
  }

  /** Ends it: rows that are added later do not count. @returns what there is by now. */
  async end(): Promise<KnownLeaves> {
    const isFirst = !this.#isOver;
    this.#isOver = true;
    await this.#storing;
    this.#partial.clear();
    this.#latest = undefined;
    this.#waiting = 0;
    const payloads = this.#whole;
    this.#whole = new Map();
    // Later, blocks may have been written again.
    return isFirst ? { stored: this.#stored, payloads } : { stored: new Map(), payloads: new Map() };
  }

  /** Ends it, after a failure too. MUST be called before the locks of the version are released. */
  async close(): Promise<void> {
    this.#aborter.abort(new Error('the backup has ended'));
    await this.end();
  }

  #addBlock(block: Block): void {
    const leaf = this.#leafOf(block.id);
    this.#waiting++;
    if (leaf.blocks.push(block) < leaf.count) {
      if (this.#waiting > MOST_WAITING) this.#forgetOldest();
      return;
    }
    this.#forget(leaf);
    const rows = leaf.blocks.map(goodRow).sort((a, b) => a.id - b.id);
    if (rows.every(({ id }, place) => id === leaf.first + place)) this.#whole.set(leaf.index, this.#encode(leaf.index, rows));
  }

  #leafOf(id: number): PartialLeaf {
    const latest = this.#latest;
    if (latest !== undefined && id >= latest.first && id < latest.first + latest.count) return latest;
    const index = leafOfBlock(id);
    const leaf = this.#partial.get(index) ?? { index, ...blocksOfLeaf(index, this.#version.size), blocks: [] };
    this.#partial.set(index, leaf);
    this.#latest = leaf;
    return leaf;
  }

  #forgetOldest(): void {
    for (const leaf of this.#partial.values()) {
      this.#forget(leaf);
      return;
    }
  }

  #forget({ index, blocks }: PartialLeaf): void {
    this.#partial.delete(index);
    this.#latest = undefined;
    this.#waiting -= blocks.length;
  }

  async #store(leaves: ReadonlyMap<number, LeafPayload>): Promise<void> {
    const context = { ...this.#context, signal: anySignal([this.#context.signal, this.#aborter.signal]) };
    try {
      await withStorage(context, async (backend) => {
        await confirmStore(context, backend);
        const catalogue = await catalogueOf(context, backend);
        await prepareKey(context, catalogue);
        const folder = catalogue.folderOf(this.#version.name);
        this.#known ??= await catalogue.leafNames(folder);
        const writer = new LeafWriter({ catalogue, folder, known: this.#known, signal: context.signal });
        const names = new Map<number, string>();
        for (const [index, payload] of leaves) names.set(index, await writer.addPayload(payload));
        await writer.end();
        for (const [index, name] of names) {
          this.#stored.set(index, name);
          this.#known.add(name);
        }
      });
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#isOver = true;
    this.#context.logger.debug(`Leaves of the catalogue are written at the end of the backup: ${messageOf(error)}`);
  }
}

function goodRow({ id, uid, checksum, size, encVersion, envKey, nonce }: Block): LeafRow {
  return { id, uid, checksum, size, encVersion, envKey, nonce, valid: true };
}
