import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LeafRow } from '../../data/catalogue/types.ts';
import { messageOf } from '../../errors.ts';
import { anySignal, newAborter } from '../../model/aborter.ts';
import type { Block } from '../../model/block.ts';
import { leafOfBlock } from '../../model/catalogue-leaf.ts';
import type { Version } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { confirmStore } from '../store/check-store.ts';
import { withStorage } from '../store/storage.ts';
import { blocksOfLeaf } from './leaf-set.ts';
import { LeafWriter } from './leaf-writer.ts';
import { catalogueOf, prepareKey } from './with-catalogue.ts';

/** Whole leaves that are stored together: their rows take up to 7 MB. */
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
  /** The rows of others: all of their blocks. */
  rows: ReadonlyMap<number, readonly LeafRow[]>;
}

/**
 * Gathers the rows of a version as they are committed, and stores whole leaves while the backup
 * runs: reading all rows again would cost 3 µs for each. Nothing relies on it. What was committed
 * before, changed since, or could not be stored is read from the database at the end.
 */
export class NewLeaves {
  readonly #context: Context;
  readonly #version: Version;
  readonly #aborter = newAborter();
  /** Leaves that lack blocks, the oldest first. */
  readonly #partial = new Map<number, LeafRow[]>();
  #waiting = 0;
  readonly #stored = new Map<number, string>();
  /** Names that the folder has. */
  #known: Set<string> | undefined;
  #whole = new Map<number, readonly LeafRow[]>();
  #storing: Promise<void> | undefined;
  #isOver = false;

  constructor(context: Context, version: Version) {
    this.#context = context;
    this.#version = version;
  }

  /** Adds blocks whose rows are committed. Waits if leaves come quicker than they are stored. */
  async add(blocks: Iterable<Block>): Promise<void> {
    if (this.#isOver) return;
    for (const { id, uid, checksum, size, encVersion, envKey, nonce } of blocks)
      this.#addRow({ id, uid, checksum, size, encVersion, envKey, nonce, valid: true });
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
    this.#waiting = 0;
    const rows = this.#whole;
    this.#whole = new Map();
    // Later, blocks may have been written again.
    return isFirst ? { stored: this.#stored, rows } : { stored: new Map(), rows: new Map() };
  }

  /** Ends it, after a failure too. MUST be called before the locks of the version are released. */
  async close(): Promise<void> {
    this.#aborter.abort(new Error('the backup has ended'));
    await this.end();
  }

  #addRow(row: LeafRow): void {
    const index = leafOfBlock(row.id);
    let rows = this.#partial.get(index);
    if (rows === undefined) {
      rows = [];
      this.#partial.set(index, rows);
    }
    const { first, count } = blocksOfLeaf(index, this.#version.size);
    this.#waiting++;
    if (rows.push(row) < count) {
      if (this.#waiting > MOST_WAITING) this.#forgetOldest();
      return;
    }
    this.#forget(index, rows);
    rows.sort((a, b) => a.id - b.id);
    if (rows.every(({ id }, place) => id === first + place)) this.#whole.set(index, rows);
  }

  #forgetOldest(): void {
    for (const [index, rows] of this.#partial) {
      this.#forget(index, rows);
      return;
    }
  }

  #forget(index: number, { length }: readonly LeafRow[]): void {
    this.#partial.delete(index);
    this.#waiting -= length;
  }

  async #store(leaves: ReadonlyMap<number, readonly LeafRow[]>): Promise<void> {
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
        for (const [index, rows] of leaves) {
          names.set(index, await writer.add(index, rows));
          // Workers wait for answers.
          await nextTurn();
        }
        await writer.end();
        for (const [index, name] of names) {
          this.#stored.set(index, name);
          this.#known.add(name);
        }
      });
    } catch (error) {
      this.#isOver = true;
      this.#context.logger.debug(`Leaves of the catalogue are written at the end of the backup: ${messageOf(error)}`);
    }
  }
}
